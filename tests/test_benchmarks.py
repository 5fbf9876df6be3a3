"""Every benchmark is a command that says how it is used."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from benchmarks import common
from rag import cache

FOLDER = Path(common.__file__).parent
COMMANDS = sorted(
    path.parent.name if path.name == "__main__.py" else path.stem
    for path in [*FOLDER.glob("*.py"), *FOLDER.glob("*/__main__.py")]
    if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_says_how_it_is_used(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [name, "--help"])
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # which one sets for itself
    for module in (f"benchmarks.{name}", f"benchmarks.{name}.__main__"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    assert stopped.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_indexes_lie_in_raghops_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAGHOP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parser = common.arguments("")
    common.datasets(parser)
    assert parser.parse_args([]).cache == cache.folder() / "eval" == tmp_path / "raghop" / "eval"


def test_a_file_that_is_no_reader_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import calibrate

    monkeypatch.setattr("sys.argv", ["calibrate", str(tmp_path / "absent"), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        calibrate.main()
    assert stopped.value.code == 2
    assert "absent: not a readable safetensors file" in capsys.readouterr().err
