"""OpenAI's HTTP API, served by the router: it translates and decides nothing."""
