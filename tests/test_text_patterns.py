"""`--source` and the like: which files a person means."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.text.patterns import close_names, match_names

NAMES = ["docs/Ünï.txt", "docs/a [v2].txt", "docs/sub/crane.md", "docs/sub/winch.md", "https://e.org/docs/x", "sub.txt"]
WINCH, CRANE = "docs/sub/winch.md", "docs/sub/crane.md"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", [CRANE, WINCH]),
        ("*.MD", [CRANE, WINCH]),
        ("docs/sub", [CRANE, WINCH]),
        ("docs/sub/", [CRANE, WINCH]),
        ("./docs/sub/winch.md", [WINCH]),
        ("docs\\sub\\winch.md", [WINCH]),
        ("DOCS/Sub/Winch.md", [WINCH]),
        ("winch.md", [WINCH]),
        ("sub/w*.md", [WINCH]),
        ("docs/a [v2].txt", ["docs/a [v2].txt"]),
        ("docs/U\u0308ni\u0308.txt", ["docs/Ünï.txt"]),
        ("https://e.org/docs/x", ["https://e.org/docs/x"]),
        ("winch", []),
        ("", []),
        (" ", []),
        ("sub", [CRANE, WINCH]),
    ],
)
def test_a_pattern_means_what_a_person_means(pattern: str, expected: list[str]) -> None:
    assert match_names(NAMES, pattern) == expected


def test_a_path_is_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs")
    for pattern in ("sub/winch.md", "../docs/sub/winch.md", str(tmp_path / WINCH), "./sub/w*"):
        assert match_names(NAMES, pattern, str(tmp_path)) == [WINCH], pattern
    assert match_names(NAMES, ".", str(tmp_path)) == NAMES[:4]


def test_names_that_may_have_been_meant() -> None:
    assert close_names(NAMES, "winch") == [WINCH]
    assert close_names(NAMES, "docs/sub/wynch.md")[0] == WINCH
    assert close_names(NAMES, "") == []
