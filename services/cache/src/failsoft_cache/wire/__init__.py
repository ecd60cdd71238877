"""Between the protos and what the cache thinks in; pure."""
