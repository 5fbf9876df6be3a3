"""Questions from a user's own documents: mined by rule, better with a language model, reviewed by a person."""
