"""Where the command `rag` (and `python -m rag`) starts.

Set before anything is imported: Ctrl-C ends it without a trace, and numpy's matrix products, which are small here, use
one thread. OpenBLAS's threads wait for each other by spinning: on a busy machine a hop of the gate took 100 ms, not 3.
"""

import os
import signal
import sys


def main() -> None:
    """Run the command; a question goes to a server of the same user where one runs."""
    if sys.argv[1:2] == ["ask"]:
        from rag.serve.client import ask

        if (code := ask(sys.argv[2:])) is not None:
            sys.exit(code)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rag.cli import main as run

    run()


if __name__ == "__main__":
    main()
