"""The scoreboard of reliability: faults injected, survived, lost. Run `python -m benchmarks.reliability`.

A row is a function from a number of faults to an `Outcome`; every module of rows has a table `ROWS`. The small counts
run in the tests, the counts of the bars with `--full`.
"""
