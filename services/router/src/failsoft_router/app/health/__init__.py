"""How the router and all that it depends on are, for whoever asks."""
