"""Maps from a new model's questions to an index that another model made."""
