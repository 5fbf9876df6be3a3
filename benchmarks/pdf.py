"""What reading a PDF costs, and whether its words are there: the connector's parser beside pypdf's.

    python -m benchmarks.pdf FOLDER...               CPU seconds of both, words, degraded files

Files that both refuse (a password, pictures alone) are left out. Words are those of pypdf's text with three letters and
more, whatever their order; of a word broken at a line end only the whole counts.
"""

from __future__ import annotations

import argparse
import gc
import logging
import re
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import pypdf

from rag_connectors.formats import pdf
from rag_connectors.formats.pdf import LIGATURES
from rag_connectors.parsed import ParseOptions, RefusalError
from rag_connectors.worker import GARBAGE

EXAMPLES = Path(__file__).parent.parent / "examples" / "documents"
_WORD = re.compile(r"[^\W\d_]{3,}")
_BROKEN = re.compile(r"[-\u00ad]\s*\n|(?<=[^\W\d_])-(?=[^\W\d_])")
T = TypeVar("T")


class Reading(NamedTuple):
    """A file: pages, CPU seconds of the parser and of pypdf, share of pypdf's words in the text, what was lost."""

    pages: int
    parser: float
    pypdf: float
    words: float
    lost: str


def read(path: Path) -> Reading | None:
    """Both readings of a file; None where there is no text for either."""
    data = path.read_bytes()
    try:
        parsed, parser = _timed(lambda: pdf.parse(data, path.name, ParseOptions()))
        pages, seconds = _timed(lambda: [page.extract_text() for page in pypdf.PdfReader(BytesIO(data)).pages])
    except (RefusalError, pypdf.errors.PyPdfError, pypdf.errors.DependencyError):  # what either does not read
        return None
    words, here = (_words(text) for text in ("\n".join(pages), "\n".join(one.text for one in parsed.records)))
    return Reading(len(pages), parser, seconds, len(words & here) / max(1, len(words)), "; ".join(parsed.lost))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_BROKEN.sub("", text.translate(LIGATURES)).casefold()))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    return work(), time.process_time() - start


def rows(found: list[Reading]) -> Iterator[str]:
    """The table."""
    parser, other = sum(one.parser for one in found), sum(one.pypdf for one in found)
    shares = sorted(one.words for one in found)
    yield "| files | pages | parser, CPU s | pypdf, CPU s | ratio | words, median | words, 5th percentile | degraded |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    yield (
        f"| {len(found)} | {sum(one.pages for one in found)} | {parser:.2f} | {other:.2f} | {other / parser:.1f} | "
        f"{median(shares):.3f} | {shares[len(shares) // 20]:.3f} | {sum(bool(one.lost) for one in found)} |"
    )


def main() -> None:
    """Read every PDF below the folders, and those of `examples/`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    gc.set_threshold(GARBAGE)  # as where files are parsed
    paths = sorted(path for folder in [EXAMPLES, *parser.parse_args().folders] for path in folder.rglob("*.pdf"))
    found = []
    for path in paths[:1] + paths:  # the first one once more: imports are not part of it
        one = read(path)
        if one is not None:
            found.append(one)
            print(f"{path.name[:50]:50} {one.parser:6.3f} {one.pypdf:6.3f} {one.words:.3f} {one.lost}", flush=True)
    print("\n".join(rows(found[1:])))


if __name__ == "__main__":
    main()
