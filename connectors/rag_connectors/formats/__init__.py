"""Parsers, one file each: `parse(data, name, options) -> Parsed`, pure functions of bytes.

`name` is the file's name, for what only its suffix says. A parser raises RefusalError with a reason, or anything at
all: `rag_connectors.outcome` puts that into words.
"""
