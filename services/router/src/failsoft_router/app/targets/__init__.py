"""What is known of the targets, and what keeps them reachable."""
