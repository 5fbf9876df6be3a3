"""Training of the hop encoder."""
