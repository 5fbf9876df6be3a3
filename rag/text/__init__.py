"""Pure functions on strings: words, sentences, what a text mentions."""
