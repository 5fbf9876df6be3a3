"""Where the command `rag` (and `python -m rag`) starts.

Set before anything is imported: Ctrl-C ends it without a trace, and numpy's matrix products, which are small here, use
one thread. OpenBLAS's threads wait for each other by spinning: on a busy machine a hop of the gate took 100 ms, not 3.
"""

import os
import signal


def main() -> None:
    """Run the command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rag.cli import main as run

    run()


if __name__ == "__main__":
    main()
