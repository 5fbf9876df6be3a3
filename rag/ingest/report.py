"""What an ingest tells: its progress while it runs, and what became of every file when it is done."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rag.models.processor import peak_memory

ADDRESS = "speaks to whoever answers:"  # begins the note of such a source, whatever its status
STATUSES = ("added", "updated", "unchanged", "deleted", "degraded", "skipped", "failed")

# (phase, done, total): "scan", "rechunk", "load", "embed", "publish"; now and then ("tokens", embedded so far, 0) and,
# where there are any, ("workers", how many, chunks a second of all)
Progress = Callable[[str, int, int], None]


def ignore_progress(phase: str, done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file: `status` is one of STATUSES, `reason` says why where there is one.

    `characters`, `pages` (slides too) and `tables` are what was read of it now; 0 where it was not read.
    """

    source: str
    status: str
    reason: str = ""
    chunks: int = 0
    characters: int = 0
    pages: int = 0
    tables: int = 0


@dataclass(slots=True)
class Rate:
    """What a worker did, in how many seconds of its own."""

    files: int = 0
    chunks: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """What an ingest did. A degraded file was also added or updated: it is counted once, as degraded.

    `embedded` (chunks) and `tokens` are what the embedder was given, `workers` what each of an executor's did, by name;
    `left` are changed files that an interrupted ingest did not get to; `pending` is set where what it did get to is
    stored, but not in what answers yet.
    """

    files: list[FileReport] = field(default_factory=list)
    embedded: int = 0
    tokens: int = 0
    left: int = 0
    published: bool = False
    pending: bool = False
    seconds: float = 0.0
    workers: Mapping[str, Rate] = field(default_factory=dict)

    def add(self, file: FileReport) -> None:
        """What became of one of the files that were left."""
        self.files.append(file)
        self.left -= 1

    def read(self) -> dict[str, int]:
        """How many characters, pages and tables were read."""
        return {name: sum(getattr(f, name) for f in self.files) for name in ("characters", "pages", "tables")}

    def count(self, status: str) -> int:
        """How many files have this status."""
        return sum(1 for f in self.files if f.status == status)


def report_data(report: Report) -> dict[str, Any]:
    """A report as JSON data, as documented; `memory_mb` is the most that this process had."""
    return {
        **{status: report.count(status) for status in STATUSES},
        **{name: getattr(report, name) for name in ("embedded", "tokens", "left", "published", "pending")},
        **report.read(),
        "seconds": round(report.seconds, 3),
        "workers": {name: asdict(rate) for name, rate in report.workers.items()},
        "memory_mb": peak_memory() // 10**6,
        "files": [
            {
                name: getattr(f, name)
                for name in ("source", "status", "reason", "chunks", "characters", "pages", "tables")
            }
            for f in report.files
        ],
    }
