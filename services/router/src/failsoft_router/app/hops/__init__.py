"""How one hop of a walk is tried: who may be called, the call, and the probes beside it."""
