"""Training of the gate."""
