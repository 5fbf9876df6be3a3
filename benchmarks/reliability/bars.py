"""The bars: what each row injects, what must hold, and how many faults a quick and a full run inject."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the scoreboard."""

    what: str
    bar: str
    quick: int
    full: int


BARS: dict[str, Bar] = {
    "R1": Bar(
        "kill -9 at a random instant of an ingest of 1,000 documents, then run again",
        "same manifest and ids as an uninterrupted run",
        10,
        200,
    ),
    "R2": Bar("kill -9 during publish, collection, optimize, migration", "the old or the new index answers", 10, 100),
    "R3": Bar(
        "power cut at any write of ingest, publish, delete, purge, import, migration, repair",
        "the old or the new index answers, the next run ends it",
        20,
        1000,
    ),
    "R4": Bar("disk full at many sizes, and full at open", "exit 1, needed and free bytes, old index intact", 5, 40),
    "R5": Bar(
        "disk full at 13 sizes for every command that writes, also in the middle",
        "exit 1, needed and free bytes, no bug, no damage",
        27,
        234,
    ),
    "R6": Bar("two ingests; one ingest with 8 asking readers", "no error, one generation per answer", 1, 20),
    "R7": Bar("ingest again without a change", "no work at all", 3, 30),
    "R8": Bar("random edits, deletions, renames, touches, swaps, case changes", "equal to a fresh build", 20, 2000),
    "R9": Bar("1,000 files with 50 bad of 20 kinds, shuffled", "950 ok, 50 named, exit 3, in any order", 1, 20),
    "F1": Bar("files with fields of every kind", "none fails, each value finds its documents", 12, 150),
    "R10": Bar("an embedder that raises, or gives what it must not", "document failed, old version kept", 36, 36),
    "R11": Bar("a byte flipped, a file cut, removed, emptied, swapped", "found by check, mended by repair", 50, 1000),
    "R12": Bar("the vector index emptied, removed, swapped, drifted", "exit 6, never an empty answer", 30, 30),
    "R13": Bar("a field of the fingerprint changed", "exit 4 with the cause", 12, 12),
    "R14": Bar(
        "kill -9 at a random instant of every command that writes: its child, its parent, its group",
        "asking is never wrong, every row passes its checksum, the same command ends it",
        20,
        600,
    ),
    "R15": Bar("100,000 chunks", "open < 2 s, hybrid p95 < 100 ms, memory < 1 GB", 2_000, 100_000),
    "R16": Bar(
        "100,000 chunks, of which all, a tenth, a fortieth tie",
        "hybrid p50 at most 3 times that of untied ones, ties by id",
        2_000,
        100_000,
    ),
    "R17": Bar("Ctrl-C, SIGTERM at every step of a publish", "ends within 5 s, the index answers", 2_000, 40_000),
    "R18": Bar(
        "folders not listed, paths without a status, files not opened, paths too long",
        "0 dropped, each named, exit 3, as before when it is over",
        12,
        60,
    ),
    "P1": Bar("hostile PDF files", "each within 10 s of processor time and 512 MB, a file after it is read", 20, 60),
    "P2": Bar("mutated files of every type", "no crash, no hang, no error without a reason", 100, 10_000),
    "P3": Bar("mutations that lose text, and clean files", "95 % marked, 2 % false alarms", 50, 500),
    "P5": Bar("archive and XML bombs, external entities, zip slip", "refused by cap, nothing outside", 40, 40),
    "S1": Bar("links, pipes, devices, and races of them", "nothing outside the folder is read", 60, 1040),
    "S2": Bar("poisoned index, model, pipeline folders", "no code runs", 40, 40),
    "S3": Bar("exports forged with right hashes and checksums", "a message and nothing imported, or sound", 100, 2000),
    "S4": Bar(
        "an index made to harm: links, pipes, other owners, pipelines with servers and files, URLs with passwords",
        "nothing outside changed, nothing sent, no secret shown, refused in one line",
        8,
        100,
    ),
    "cores": Bar("PDF files parsed by 1 worker and by one per core", "at least 0.75 x cores as fast", 6, 24),
    "speed": Bar("ingest with all checks on against none", "at most 1.15 times", 500, 2000),
}
