"""Where the judgement meets targets and the cache."""
