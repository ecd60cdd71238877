"""`GET /health`: how everything is, as JSON for people and monitors."""
