"""Keep an index in line with files while they change: a plain ingest, whenever two looks at them differ.

What changed is told by comparing looks, not by what the system says: it may forget, and it tells of files nobody reads.
So at any time the index is what a plain ingest would have made of the last look that counts.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from rag.config import PipelineConfig, build
from rag.errors import (
    ConfigError,
    CorruptError,
    IndexMissing,
    InputError,
    MismatchError,
    MissingExtra,
    ModelError,
    RagError,
    TrustError,
)
from rag.index.folder import Index
from rag.index.locks import Wait
from rag.ingest.notices import Notices
from rag.ingest.report import Progress, Report, ignore_progress
from rag.ingest.run import ingest
from rag.interrupt import stoppable
from rag.stages import Connector

SETTLE = 0.5  # seconds between two looks that must agree before anything is read: a file is written in pieces
LONGEST = 10.0  # seconds that files which do not settle are waited for, and that anything else is put off
SHARE = 5  # times as long as a look takes, nothing is looked at
_FINAL = (ConfigError, CorruptError, IndexMissing, MismatchError, MissingExtra, ModelError, TrustError)


class Look(NamedTuple):
    """Stamp and reason of every source by name, and which file or folder (device, inode) each root was."""

    found: Mapping[str, Any]
    roots: Sequence[tuple[int, int]]


def watch(
    index: Index,
    config: PipelineConfig,
    roots: Sequence[str],
    *,
    rebuild: bool = False,
    wait: Wait | None = None,
    progress: Progress = ignore_progress,
    ended: threading.Event | None = None,
) -> Iterator[Report | RagError]:
    """Ingest, then again whenever something changes, until `ended` is set; what each ingest did.

    The first is as `ingest` does it, with these options, and raises what that raises. Later ones wait for other writers
    and report what changed only. What may pass (a root that is away, a full disk) is given in place of a report, once,
    and tried again; other errors are raised. Raises MissingExtra; Interrupted after Ctrl-C or SIGTERM, with a `report`
    if that came while an ingest ran.
    """
    connector, ended = build(config).connector, ended or threading.Event()
    with stoppable() as stop, ExitStack() as stack:
        notices = stack.enter_context(Notices(roots, stop, ended))
        with stop.anywhere():
            seen = _look(connector, roots, index)
        yield ingest(index, config, roots, rebuild=rebuild, wait=wait, progress=progress)
        trouble, deaf, pause = "", False, 0.0
        while not ended.is_set():
            if deaf:
                stack.close()
                notices = stack.enter_context(Notices(roots, stop, ended))
            elif trouble:
                with stop.anywhere():
                    ended.wait(LONGEST)
            else:
                notices.wait(pause)
            try:
                began = time.monotonic()
                with stop.anywhere():
                    now = _look(connector, roots, index, seen)
                    pause = min(SHARE * (time.monotonic() - began), LONGEST)
                    if now.found != seen.found:
                        now = _settle(connector, roots, index, now, ended)
                if now.found != seen.found and not ended.is_set():
                    report = ingest(index, config, roots, wait=lambda process: None)
                    pause = min(max(pause, report.seconds), LONGEST)
                    yield _news(report, seen, now)
                deaf = trouble != "" or now.roots != seen.roots  # what watched the old ones is
                seen, trouble = now, ""
            except _FINAL:
                raise
            except RagError as error:
                if str(error) != trouble:
                    yield error
                deaf, trouble = False, str(error)


def _look(connector: Connector, roots: Sequence[str], index: Index, seen: Look | None = None) -> Look:
    """What is there now. Raises InputError for a root that is not, or that has lost its file system."""
    found = {source.name: (source.stamp, source.reason) for source in connector.scan(roots, base=str(index.base))}
    places = [_identify(root) for root in roots]
    for root, place, before in zip(roots, places, seen.roots if seen else places, strict=True):
        if place[0] != before[0] and os.path.isdir(root) and not os.listdir(root):
            raise InputError(f"{root}: empty, and not the file system it was. What is indexed of it is kept.")
    return Look(found, places)


def _identify(root: str) -> tuple[int, int]:
    """Device and inode of a file or folder; zeros for what is none."""
    try:
        status = os.stat(root)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _settle(connector: Connector, roots: Sequence[str], index: Index, now: Look, ended: threading.Event) -> Look:
    """The look that agrees with the one before it; after a while, any."""
    limit = time.monotonic() + LONGEST
    while time.monotonic() < limit and not ended.wait(SETTLE):
        before, now = now, _look(connector, roots, index, now)
        if now.found == before.found:
            break
    return now


def _news(report: Report, seen: Look, now: Look) -> Report:
    """The report without files that are as they were."""
    same = {name for name, stamp in now.found.items() if seen.found.get(name) == stamp}
    repeated = ("skipped", "failed")
    report.files = [
        file
        for file in report.files
        if file.status != "unchanged" and not (file.source in same and file.status in repeated)
    ]
    return report
