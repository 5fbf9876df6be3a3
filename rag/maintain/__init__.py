"""Looking after an index: check, repair, remove, export and import."""
