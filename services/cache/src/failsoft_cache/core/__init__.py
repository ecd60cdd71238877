"""What the cache decides, without doing anything: keys, entries, freshness, refusals."""
