"""Where the command `rag` (and `python -m rag`) starts: before anything is imported, Ctrl-C ends it without a trace."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from rag.cli import main as run

    run()


if __name__ == "__main__":
    main()
