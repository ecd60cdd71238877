"""OpenAI's API as we serve it: pure codecs, bytes on one side and the model on the other."""
