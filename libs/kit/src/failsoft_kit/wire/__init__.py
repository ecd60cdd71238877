"""Pure codecs between contracts and the model: no I/O, no clock, no state."""
