"""Markdown as it reads: without the marks of headings, lists, emphasis, code and tables, links by their words.

For showing a quote; what is cited is the text as it stands. By rules on one passage, not a parser: a mark whose other
half is in another passage stays.
"""

import re

SUFFIXES = (".md", ".markdown", ".mdown", ".mdx", ".ipynb", ".qmd", ".rmd", ".livemd")  # of files written in it

_MARKS = (
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"<br\s*/?>", re.IGNORECASE), " "),
    (re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$", re.MULTILINE), ""),  # the edges of a table
    (re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:#{1,6}|[-*+])[ \t]+(?:\[[ xX]\][ \t]+)?", re.MULTILINE), ""),
    (re.compile(r"[ \t]+#+[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+[\"'][^\"']*[\"'])?\)"), r"\1"),
    (re.compile(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]"), r"\1"),
    (re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>"), r"\1"),
    (re.compile(r"(?<!`)(`{1,2})(?!`)(?=\S)(.+?)(?<=\S)(?<!`)\1(?!`)"), r"\2"),
    (re.compile(r"(?<!\\)(\*\*|~~)(?=\S)(.+?)(?<=\S)\1", re.DOTALL), r"\2"),
    (re.compile(r"(?<![\w\\])(__?)(?!_|\s|(?<=__)\w+__)(.+?)(?<![\s_])\1(?!\w)", re.DOTALL), r"\2"),  # no __init__
    (re.compile(r"(?<![\w*\\])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])", re.DOTALL), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])"), r"\1"),
)


def strip_marks(text: str) -> str:
    """The words of a Markdown text; lines stay as they are."""
    for mark, words in _MARKS:
        text = mark.sub(words, text)
    return text
