"""What so much load takes, for docs/operations.md."""
