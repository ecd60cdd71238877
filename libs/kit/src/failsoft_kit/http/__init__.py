"""Serving HTTP beside gRPC: the same calls, callers, limits and drain, in another protocol."""
