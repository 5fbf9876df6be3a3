"""Reading: where a passage holds the answer to a question, and whether it does; a model, no language model."""
