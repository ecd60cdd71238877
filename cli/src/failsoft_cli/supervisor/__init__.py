"""Runs the services of one machine as processes of their own and looks after them."""
