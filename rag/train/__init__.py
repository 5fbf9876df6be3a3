"""Training of what ships with the bundled model, and of the same for other embedders; the only place that trains."""
