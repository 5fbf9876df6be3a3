"""Small faults put into the program, one at a time, to see whether a test notices: `scripts/mutants`.

Own code, and small: as far as we know, mutmut leaves out what is decorated and what stands outside functions, which
here is every component and every threshold, and cosmic-ray has no sample and one set of tests for all modules. Neither
was run.
"""
