"""raghop beside its peers on the same files and the same model: `python -m benchmarks.peers --help`.

`plan` says who is measured and what each installs, `environments` installs it, `protocol` is what a peer must do, a
`with_*` module does it the way the peer's own documentation shows, `worker` is the process that is measured, `rounds`
runs the workers in turn, `table` writes the page.
"""
