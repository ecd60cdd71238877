"""Who is answered now, who waits, and who is better told at once to go elsewhere."""
