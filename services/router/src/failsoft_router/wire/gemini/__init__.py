"""Gemini's generateContent wire format, from the public API reference."""
