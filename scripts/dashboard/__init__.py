"""Makes Grafana's dashboard: `python -m scripts.dashboard`."""
