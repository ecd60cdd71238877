"""What is told of walks, hops and targets: in the log, as metrics, and live."""
