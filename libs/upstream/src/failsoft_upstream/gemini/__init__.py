"""Gemini's generateContent, as a look-alike serves it."""
