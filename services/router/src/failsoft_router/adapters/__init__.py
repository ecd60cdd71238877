"""How the router reaches targets, the cache and its own files."""
