"""Runs a language model on this machine behind the same contract as the router."""
