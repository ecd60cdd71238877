"""What the service costs beside the engine that it runs: CPU time a token of both."""
