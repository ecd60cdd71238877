"""What the cache does with its decisions and its tiers."""
