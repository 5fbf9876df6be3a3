"""Running networks: what a model folder says, its files, pooling, batching, windows, and the two backends."""
