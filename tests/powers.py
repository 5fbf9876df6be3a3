"""Commands that permissions hold for, also where the tests run as root."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2


def _drop() -> None:
    """Of this process' programs to come: root opens what its owner may open."""
    for power in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, power, 0, 0, 0)


def run_without_powers(*words: str, code: int, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run this Python with these arguments."""
    if sys.platform != "linux":
        pytest.skip("powers are taken away by a call of Linux")
    command = [sys.executable, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, preexec_fn=_drop)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done
