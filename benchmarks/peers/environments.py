"""A virtual environment for each peer, below one folder; pip's cache of wheels is shared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.plan import ENVIRONMENTS, Environment


def python_of(folder: Path, name: str) -> Path:
    """The interpreter of an environment."""
    return folder / name / "bin" / "python"


def install(folder: Path, name: str) -> None:
    """Make an environment with the newest releases, unless it is there: to make it anew, delete its folder."""
    python = python_of(folder, name)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *ENVIRONMENTS[name].packages], check=True)


def describe(folder: Path, name: str) -> dict[str, object]:
    """The versions in an environment, how many packages it has, and its bytes on disk, without pip."""
    python = python_of(folder, name)
    if not python.exists():
        sys.exit(f"{python} is missing: `python -m benchmarks.peers install --environments {folder}` makes it.")
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    ).stdout
    versions = {row["name"].lower(): row["version"] for row in json.loads(listed)}
    extra = {"pip", "setuptools"}
    size = sum(
        path.lstat().st_blocks * 512
        for path in (folder / name).rglob("*")
        if path.is_file() and not any(part.split("-")[0] in extra for part in path.parts)
    )
    told = _told(ENVIRONMENTS[name], versions)
    return {"versions": told, "packages": len(versions.keys() - extra), "bytes": size}


def _told(environment: Environment, versions: dict[str, str]) -> dict[str, str]:
    return {package: versions[package] for package in environment.told if package in versions}
