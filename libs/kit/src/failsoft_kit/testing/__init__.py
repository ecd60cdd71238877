"""What tests are written with; no service imports it."""
