"""A play in six acts, in which answers survive what befalls their providers."""
