"""From folders of labelled questions to a reader's weights with its card: the network, the judge, how sure to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from rag.errors import InputError
from rag.models import deltas
from rag.models.spec import read as spec
from rag.reader.answerability import opened as judging
from rag.reader.confidence import Choice
from rag.reader.network import opened
from rag.reader.weights import HEADS, JUDGES, KIND
from rag.train.reader import cloze
from rag.train.reader.answerability import judges
from rag.train.reader.calibrate import cases, fit
from rag.train.reader.inputs import readings
from rag.train.reader.questions import Folder, asked, read
from rag.train.reader.train import ReaderOptions, TrainedReader, train
from rag.types import Vectors

EVERY = 20  # steps between two lines of progress
MODEL = "bundled"


def train_reader(
    folders: Sequence[Path],
    out: Path,
    *,
    options: ReaderOptions,
    fitted: int,
    start: Path | None,
    say: Callable[[str], None],
) -> TrainedReader:
    """Train on every folder at once, from the bundled model or from `start`; `fitted` questions each for the choice.

    The questions of a folder named twice are read twice in an epoch.

    `out` is written every hundred steps, so that a killed training leaves one to start from; the card goes beside
    it. No epochs leave the network of `start` as it is, and make judge and confidence anew. Raises InputError for
    folders without questions and for neither epochs nor `start`, ModelError for a `start` that is no reader.
    """
    if not (options.epochs or options.cloze) and start is None:
        raise InputError("no epochs train nothing; name the reader whose confidence is to be fitted by `--start FILE`.")
    known = {folder: read(folder) for folder in dict.fromkeys(folders)}
    sources = list(known.values())
    for source in sources:
        say(f"{source.name}: {len(source.train):,} questions, {len(source.held_out):,} held out")

    each = {folder: asked(source) for folder, source in known.items()}
    questions = [one for folder in folders for one in each[folder]]
    passages = [(str(row.get("title") or ""), str(row["text"])) for s in sources for row in s.passages.values()]
    made = cloze.clozes(passages, np.random.default_rng(options.seed)) if options.cloze else []
    epochs = [partial(cloze.readings, made)] * options.cloze + [partial(readings, questions)] * options.epochs

    def progress(step: int, done: float, loss: Tensor) -> None:
        if step % EVERY == 0 or done == 1:
            say(f"step {step:,}, {done:.1%}, loss {loss.item():.3f}")

    facts = {"kind": KIND, "model": MODEL, "embedder": spec(MODEL).fingerprint()}
    trained = train(MODEL, epochs, options, start=start, report=progress, save=lambda found: write(out, found, facts))
    write(out, trained, facts)
    found = judges([one for own in each.values() for one in own], spec(MODEL), seed=options.seed, say=say)
    write(out, trained, facts, found)
    opened.cache_clear()
    judging.cache_clear()

    def fitting(n: int) -> None:
        if n % EVERY == 0:
            say(f"question {n:,} for the confidence")

    choice = fit(cases(sources, opened(out), judging(out), most=fitted, seed=options.seed, say=fitting))
    write(out, trained, {**facts, "choice": choice.text()}, found)
    out.with_suffix(".md").write_text(_card(sources, options, trained, choice), encoding="utf-8")
    return trained


def write(
    path: Path, trained: TrainedReader, facts: dict[str, str], judges: Sequence[Mapping[str, Vectors]] = ()
) -> None:
    """Write the file, the old one kept until the new one is whole."""
    own = {f"{HEADS}{name}": tensor for name, tensor in trained.heads.items()}
    own |= {f"{JUDGES}{n}.{name}": tensor for n, one in enumerate(judges) for name, tensor in one.items()}
    deltas.write(path, {**deltas.pack(trained.difference), **own}, facts)


def _card(sources: Sequence[Folder], options: ReaderOptions, trained: TrainedReader, choice: Choice) -> str:
    rows = "\n".join(f"| {s.name} | {len(s.passages):,} | {len(s.train):,} | {len(s.held_out):,} |" for s in sources)
    risks = "\n".join(f"| {share:.0%} | {least:.2f} |" for share, least in choice.risks)
    taken = (
        f"{trained.steps:,} steps of {options.batch} readings, learning rate {options.rate:g}, seed {options.seed}; "
        f"last loss {trained.loss:.3f}."
    )
    again = "The network is that of an earlier training; judge and confidence were made anew."
    return f"""# Reader

Weights for `generate: {{use: reader}}`: a difference to the bundled embedder's network, int8 a weight, with linear
heads for span, supporting sentence, relevance, and yes or no, and the judge's small networks, made by `rag train
reader`. It fits that network alone.

| data | passages | questions | held out |
|---|---|---|---|
{rows}

{taken if trained.steps else again}
The data's licences are those of its folders.

| wrong at most | confidence at least |
|---|---|
{risks}
"""
