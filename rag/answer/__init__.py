"""From generated text to checked statements."""
