"""What this machine should run: facts, catalogue and wishes in, one choice and its reasons out."""
