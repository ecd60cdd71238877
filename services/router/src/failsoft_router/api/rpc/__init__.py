"""The gRPC front doors: they translate and decide nothing."""
