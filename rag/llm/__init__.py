"""What every language-model client shares: prompts, event streams, token counts, rewriting, deadlines."""
