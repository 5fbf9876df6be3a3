"""Small faults put into the program, one at a time, to see whether a test notices: `scripts/mutants`.

mutmut and cosmic-ray were tried first: the one leaves out what is decorated and what stands outside functions, which
here is every component and every threshold; the other has no sample, and one set of tests for all modules.
"""
