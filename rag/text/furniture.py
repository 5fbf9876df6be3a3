"""Lines of a page that belong to no text: page numbers, running heads, the marks where pages end.

`page_number` knows one by its look alone: "[Page 12]", "Page 3 of 9", "- 21 -". `find_running` compares the first and
last lines of all pages of a document: what stands there again and again is furniture, word for word or with a number
that counts the pages. What it does not do: find a running head that stands on fewer than three pages.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

EDGE = 2  # lines at the top and at the bottom of a page that are looked at
LEAST, SHARE = 3, 0.3  # pages, and of all pages, on which a line stands that is furniture
LONGEST = 120  # characters; a longer line is text

_NUMBER = re.compile(r"(?<!\d)\d{1,4}(?!\d)")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]{3}")
_OF = r"(?:\s?(?:/|of|von|de|sur|di)\s?\d{1,4})?"
_PAGE_MARK = re.compile(
    rf"\[\s?page\s+(\d{{1,4}})\s?\]$"
    rf"|^(?:page|seite|página|pagina|p\.|s\.)\s?(\d{{1,4}}){_OF}\.?$"
    rf"|(?:^|\s\s)[-–—]\s?(\d{{1,4}})\s?[-–—](?:\s\s|$)"
    rf"|^(\d{{1,4}})\s?/\s?\d{{1,4}}$",
    re.IGNORECASE,
)


def page_number(line: str) -> int | None:
    """The number in a line that says nothing but on which page it stands, and perhaps of what; None in any other."""
    line = line.strip()
    match = _PAGE_MARK.search(line) if len(line) <= LONGEST and _DIGIT.search(line) else None
    return next(int(number) for number in match.groups() if number) if match else None


def find_running(pages: Sequence[Sequence[str]]) -> list[set[int]]:
    """The indexes of each page's lines that are furniture; words on the first page may be a title, and are none."""
    found = [{i for i, line in enumerate(page) if page_number(line) is not None} for page in pages]
    need = max(LEAST, SHARE * len(pages))
    for end in (1, -1):
        for _ in range(EDGE):
            edges = [_edge(page, gone, end) for page, gone in zip(pages, found, strict=True)]
            forms = [list(_forms(pages[n][i], n)) if i is not None else [] for n, i in enumerate(edges)]
            counts = Counter(form for own in forms for form in own)
            for n, (i, own) in enumerate(zip(edges, forms, strict=True)):
                running = i is not None and any(counts[form] >= need for form in own)
                if i is not None and running and (n > 0 or not _WORD.search(pages[n][i])):
                    found[n].add(i)
    return found


def _edge(page: Sequence[str], gone: set[int], end: int) -> int | None:
    """The first (end 1) or last (end -1) line of a page that is neither blank nor furniture."""
    order = range(len(page)) if end == 1 else range(len(page) - 1, -1, -1)
    return next((i for i in order if i not in gone and page[i].strip()), None)


def _forms(line: str, page: int) -> Iterator[str]:
    """The line as it is if it has words, and once for each of its numbers, with that less the page's own."""
    line = " ".join(line.casefold().split())
    if len(line) <= LONGEST:
        if _WORD.search(line):
            yield line
        for number in _NUMBER.finditer(line):
            yield f"{line[: number.start()]}#{int(number[0]) - page}#{line[number.end() :]}"
