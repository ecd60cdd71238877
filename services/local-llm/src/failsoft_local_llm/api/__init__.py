"""The front door: gRPC."""
