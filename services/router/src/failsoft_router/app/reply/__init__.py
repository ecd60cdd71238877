"""What reaches the caller of a walk, and when."""
