"""Pure codecs between providers' bytes and the model."""
