"""What is remembered of a walk, for whoever asks why it went as it did."""
