"""Questions for trainings, written by a language model."""
