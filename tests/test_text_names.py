"""Names of files: every path has one of its own, and leads back."""

from __future__ import annotations

import os

from hypothesis import example, given
from hypothesis import strategies as st

from rag.text.names import to_name, to_path

PIECES = st.lists(st.sampled_from([b"\\", b"x", b"e9", b"5c", b"\xe9", b"\xc3", b"\xc3\xa9", b"a/", b"\\xe9", b"\n"]))


@given(st.lists(PIECES.map(b"".join), min_size=2, max_size=2, unique=True))
@example([b"caf\xe9.md", b"caf\\xe9.md"])
@example([b"\\x5cxe9", b"\\xe9"])
def test_two_paths_never_share_a_name_and_each_leads_back(paths: list[bytes]) -> None:
    names = [to_name(os.fsdecode(path)) for path in paths]
    assert names[0] != names[1]
    assert [os.fsencode(to_path(name)) for name in names] == paths
    assert "".join(names).encode()


def test_a_usual_name_stays_as_it_is() -> None:
    assert to_name("docs/Über C:\\new\\x.md") == "docs/Über C:\\new\\x.md"
    assert to_name(os.fsdecode(b"caf\xe9.md")) == "caf\\xe9.md"
