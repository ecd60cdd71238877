"""gRPC: serving and calling, the same way in every service."""
