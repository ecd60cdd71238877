"""Where decisions meet the engine."""
