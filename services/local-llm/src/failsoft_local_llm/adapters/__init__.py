"""The engines that can run a model."""
