"""The tables of docs/research/evaluation.md, measured and written by one command: `python -m benchmarks.findings`.

`plan` and `variants` say what is measured, `measure` runs it through the eval harness and keeps a small summary of each
dataset in `results/`, `tables` makes Markdown of the summaries, `examples` picks the failures shown, `published` holds
what others have published, `power` simulates how often a verdict is right. The summaries are committed, the data is
not: whoever has none can still render and test the page.
"""
