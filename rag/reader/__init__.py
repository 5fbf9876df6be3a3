"""The offline reader: which span answers a question, how sure that is, and whether anything answers it."""
