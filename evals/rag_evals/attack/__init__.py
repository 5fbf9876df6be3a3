"""What false text in the documents does to answers: texts that are planted, and a run that asks before and after."""
