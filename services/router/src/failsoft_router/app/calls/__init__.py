"""One call to one target: how it is timed and judged, and what is learnt from it."""
