"""R18: folders that cannot be listed, paths without a status, files that cannot be opened, paths that grew too long.

A library that is loaded before the C library answers one call about one path with an error, as a failing disk, a lost
network share or missing permissions do; so it is below everything that raghop runs. The old version must stay, and the
place be named.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.index.folder import Index

SHIM = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static DIR *broken;

static int hit(const char *call, const char *path) {
    const char *at = getenv("FAULT_PATH"), *of = getenv("FAULT_CALL");
    if (!at || !of || !path || strcmp(call, of) || strcmp(path, at)) return 0;
    errno = atoi(getenv("FAULT_ERRNO"));
    return 1;
}
DIR *opendir(const char *path) {
    if (hit("opendir", path)) return NULL;
    DIR *opened = ((DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir"))(path);
    if (hit("readdir", path)) broken = opened;
    else if (opened == broken) broken = NULL;
    return opened;
}
#define READDIR(name, type) \
    struct type *name(DIR *folder) { \
        if (folder == broken) { errno = atoi(getenv("FAULT_ERRNO")); return NULL; } \
        return ((struct type * (*)(DIR *)) dlsym(RTLD_NEXT, #name))(folder); \
    }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)
#define STATUS(name) \
    int name(const char *path, void *status) { \
        if (hit("lstat", path)) return -1; \
        return ((int (*)(const char *, void *)) dlsym(RTLD_NEXT, #name))(path, status); \
    }
STATUS(lstat)
STATUS(lstat64)
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        if (hit("open", path)) return -1; \
        return ((int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, #name))(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
"""
ERRORS = (errno.EIO, errno.EACCES, errno.ESTALE, errno.ETIMEDOUT, errno.ENAMETOOLONG, errno.ENXIO, errno.ELOOP)
PLACES = [  # call, path, what is named
    ("opendir", "docs", "docs"),
    ("opendir", "docs/sub", "docs/sub"),
    ("readdir", "docs/sub", "docs/sub"),
    ("lstat", "docs/sub", "docs/sub"),
    ("lstat", "docs/sub/00003.txt", "docs/sub/00003.txt"),
    ("open", "docs/sub/00003.txt", "docs/sub/00003.txt"),
    ("open", "docs/sub/.gitignore", "docs/sub"),
    ("open", "docs/sub/caf\udce9.txt", "docs/sub/caf\\xe9.txt"),
]
LONG = 4  # folders that are moved to where their paths are too long


def unreadable(count: int) -> Outcome:
    """`count` faults, each on an index of seven files."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return Outcome(0, 0, [], "not run: there is no C compiler, or this is not Linux")
    lost, done = [], 0
    with TemporaryDirectory() as name:
        shim = Path(name) / "shim.so"
        build = [compiler, "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(shim), "-ldl"]
        subprocess.run(build, input=SHIM.encode(), check=True)
        for number in range(min(count, LONG)):
            lost += _move(Path(name) / f"long{number}", 60 + 40 * number)
            done += 1
        for number, (code, (call, path, what)) in enumerate(islice(product(ERRORS, PLACES), max(0, count - LONG))):
            folder = Path(name) / str(number)
            fault = {
                "LD_PRELOAD": str(shim),
                "FAULT_CALL": call,
                "FAULT_PATH": os.path.join(os.path.realpath(name), str(number), path),
                "FAULT_ERRNO": str(code),
            }
            _lay_out(folder)
            wrong = _judge(folder, fault, what, os.strerror(code))
            lost += [f"{call} {path}, {errno.errorcode[code]}: {wrong}"] if wrong else []
            done += 1
            shutil.rmtree(folder)
    return Outcome(done, done - len(lost), lost, f"{len(PLACES)} places, {len(ERRORS)} errors, {LONG} long paths")


def _lay_out(folder: Path) -> None:
    corpus.write(folder / "docs", range(3))
    corpus.write(folder / "docs" / "sub", range(3, 6))
    (folder / "docs" / "sub" / ".gitignore").write_text("nothing\n")
    (folder / "docs" / "sub" / "caf\udce9.txt").write_text(corpus.sentence(6))
    corpus.run(folder, corpus.pipeline(folder))


def _move(folder: Path, length: int) -> list[str]:
    """A folder whose paths are nearly as long as they may be is moved, index and all, to where they are too long."""
    deep = folder / "docs"
    while len(str(deep)) < os.pathconf("/", "PC_PATH_MAX") - 220:
        deep = deep / ("d" * length)
    corpus.write(deep, range(2))
    corpus.run(folder, corpus.pipeline(folder))
    moved = folder.parent / ("m" * 220) / folder.name
    moved.parent.mkdir(exist_ok=True)
    before = _chunks(folder)
    folder.rename(moved)
    done = _ingest(moved, {})
    wrong = done.returncode != 3 or json.loads(done.stdout)["deleted"] or _chunks(moved) != before
    return [f"a path that grew too long: exit {done.returncode}"] if wrong else []


def _judge(folder: Path, fault: dict[str, str], what: str, words: str) -> str:
    """What was wrong, with the fault and when it is over."""
    before = _chunks(folder)
    for path in (folder / "docs").rglob("*.txt"):
        path.touch()  # or it would not be opened
    done = _ingest(folder, fault)
    if done.returncode != 3:
        return f"exit {done.returncode}: {done.stderr[-200:]}"
    report = json.loads(done.stdout)
    reasons = {file["source"]: file["reason"] for file in report["files"] if file["status"] == "failed"}
    if [*reasons] != [what] or words not in reasons[what]:
        return f"named: {reasons}"
    if report["deleted"] or _chunks(folder) != before:
        return "something was dropped"
    again = _ingest(folder, {})
    if again.returncode or json.loads(again.stdout)["deleted"] or _chunks(folder) != before:
        return f"afterwards: exit {again.returncode}: {again.stdout[:300]}"
    return ""


def _ingest(folder: Path, fault: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rag", "ingest", "docs", "--pipeline", "tiny.yaml", "--json"]
    return subprocess.run(command, cwd=folder, env={**os.environ, **fault}, capture_output=True, text=True, check=False)


def _chunks(folder: Path) -> list[str]:
    with closing(Index.at(folder).read_manifest()) as manifest:
        return sorted(manifest.chunk_ids())


ROWS: dict[str, Row] = {"R18": unreadable}
