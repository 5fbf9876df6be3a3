"""Ctrl-C and SIGTERM while an index is written: remembered at once, acted on where it is safe.

Work that changes nothing (looking, reading, chunking, embedding) runs inside `Stop.anywhere` and is left at once; a
transaction is finished first. A publish runs inside `Stop.patiently`: it is finished if that takes no longer than
PATIENCE, else left as it stands, beside the live index. Who insists with a second signal gets out everywhere: what is
half done is then mended by the next run, as after a power cut.
"""

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
_CAUGHT = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 1.5  # seconds a publish may go on after the signal; with what is left then, the process ends within 5
_ONCE = 2.0  # seconds: what comes again so soon is the same signal, sent to a process and to its group (timeout does)


class Interrupted(KeyboardInterrupt):
    """A signal ended the work early. `report` is what was done until then (a `rag.ingest.report.Report`)."""

    report: object = None

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """As shells have it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


class Stop:
    """Whether a signal came, and where it may take effect."""

    def __init__(self) -> None:
        self.number = 0
        self.timed = False  # whether SIGALRM is ours
        self._since = 0.0
        self._anywhere = False
        self._patient = False

    def catch(self, number: int, frame: FrameType | None) -> None:
        """The handler of both signals."""
        now = time.monotonic()
        if self.number and now - self._since < _ONCE:
            return
        again, self.number, self._since = self.number, number, now
        if again:
            raise KeyboardInterrupt
        if self._anywhere:
            raise Interrupted(number)
        if self._patient:
            self._set_timer()

    def overdue(self, number: int, frame: FrameType | None) -> None:
        """The handler of the timer."""
        if self._patient:
            self.check()

    def check(self) -> None:
        """Raises Interrupted when a signal came."""
        if self.number:
            raise Interrupted(self.number)

    @contextmanager
    def anywhere(self, yes: bool = True) -> Iterator[None]:
        """Inside, a signal raises Interrupted at once, one that came before does so now; or not, unless `yes`."""
        before, self._anywhere = self._anywhere, yes
        try:
            if yes:
                self.check()
            yield
        finally:
            self._anywhere = before

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Inside, Interrupted is raised PATIENCE seconds after a signal, whenever that came.

        Native code is waited for. Without a timer of our own what is inside is always finished.
        """
        self._patient = True
        try:
            if self.number:
                self._set_timer()
            yield
        finally:
            self._patient = False
            if self.timed:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _set_timer(self) -> None:
        if self.timed:
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, self._since + PATIENCE - time.monotonic()))

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """The items, waiting for each of which may be interrupted; what is done with them may not."""
        source = iter(items)
        try:
            while True:
                with self.anywhere():
                    try:
                        item = next(source)
                    except StopIteration:
                        return
                yield item
        finally:
            getattr(source, "close", lambda: None)()  # a generator's, which ends its processes


@contextmanager
def stoppable() -> Iterator[Stop]:
    """A `Stop` that catches both signals, unless they are ignored or the program has handlers of its own.

    Within another `stoppable` it is the same one, and signals wait.
    """
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in _CAUGHT if main}
    outer = next((held for h in handlers.values() if isinstance(held := getattr(h, "__self__", None), Stop)), None)
    if outer is not None:
        with outer.anywhere(False):
            yield outer
        return
    stop = Stop()
    before = {n: h for n, h in handlers.items() if h in (signal.SIG_DFL, signal.default_int_handler)}
    try:
        for number in before:
            signal.signal(number, stop.catch)
        if before and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
            before[signal.SIGALRM] = signal.SIG_DFL
            signal.signal(signal.SIGALRM, stop.overdue)
            stop.timed = True
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
