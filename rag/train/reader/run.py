"""From folders of labelled questions to a reader's weights with its card: network, answerability, calibration."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rag.errors import InputError
from rag.models import deltas
from rag.models.spec import read as spec
from rag.reader.answerability import load_answerability
from rag.reader.confidence import Calibration
from rag.reader.network import load_reader
from rag.reader.weights import ANSWERABILITY, HEADS, KIND
from rag.train.common.card import table
from rag.train.common.loop import Say
from rag.train.reader import cloze
from rag.train.reader.answerability import train_answerability
from rag.train.reader.calibrate import fit, make_examples
from rag.train.reader.inputs import draw_inputs
from rag.train.reader.questions import ReaderDataset, read, training_questions
from rag.train.reader.train import ReaderOptions, TrainedReader, train
from rag.types import Vectors

MODEL = "bundled"


def train_reader(
    folders: Sequence[Path], out: Path, *, options: ReaderOptions, calibration: int, start: Path | None, say: Say
) -> TrainedReader:
    """Train on every folder at once, from the bundled model or from `start`; then fit the confidence.

    The questions of a folder named twice are read twice in an epoch; `calibration` of each folder fit the confidence.

    `out` is written every hundred steps, so that a killed training leaves one to start from; the card goes beside
    it. No epochs leave the network of `start` as it is, and make answerability and calibration anew. Raises InputError
    for folders without questions and for neither epochs nor `start`, ModelError for a `start` that is no reader.
    """
    if not (options.epochs or options.cloze) and start is None:
        raise InputError("no epochs train nothing; name the reader whose confidence is to be fitted by `--start FILE`.")
    known = {folder: read(folder) for folder in dict.fromkeys(folders)}
    sources = list(known.values())
    for source in sources:
        say(f"{source.name}: {len(source.train):,} questions, {len(source.held_out):,} held out")

    questions_of = {folder: training_questions(source) for folder, source in known.items()}
    questions = [one for folder in folders for one in questions_of[folder]]
    passages = [(str(row.get("title") or ""), str(row["text"])) for s in sources for row in s.passages.values()]
    clozes = cloze.make_questions(passages, np.random.default_rng(options.seed)) if options.cloze else []
    epochs = [partial(cloze.draw_inputs, clozes)] * options.cloze + [partial(draw_inputs, questions)] * options.epochs

    facts = {"kind": KIND, "model": MODEL, "embedder": spec(MODEL).fingerprint()}
    trained = train(MODEL, epochs, options, start=start, save=partial(write, out, facts=facts), say=say)
    write(out, trained, facts)
    each_once = [one for own in questions_of.values() for one in own]
    networks = train_answerability(each_once, spec(MODEL), seed=options.seed, say=say)
    write(out, trained, facts, networks)
    load_reader.cache_clear()
    load_answerability.cache_clear()
    models = load_reader(out), load_answerability(out)
    fitted = fit(make_examples(sources, *models, most=calibration, seed=options.seed, say=say))
    write(out, trained, {**facts, "choice": fitted.to_json()}, networks)
    out.with_suffix(".md").write_text(_card(sources, options, trained, fitted), encoding="utf-8")
    return trained


def write(
    path: Path, trained: TrainedReader, facts: dict[str, str], networks: Sequence[Mapping[str, Vectors]] = ()
) -> None:
    """Write the file, the old one kept until the new one is whole."""
    own = {f"{HEADS}{name}": tensor for name, tensor in trained.heads.items()}
    own |= {f"{ANSWERABILITY}{n}.{name}": tensor for n, one in enumerate(networks) for name, tensor in one.items()}
    deltas.write(path, {**deltas.pack(trained.difference), **own}, facts)


def _card(
    sources: Sequence[ReaderDataset], options: ReaderOptions, trained: TrainedReader, calibration: Calibration
) -> str:
    rows = (f"{s.name} | {len(s.passages):,} | {len(s.train):,} | {len(s.held_out):,}" for s in sources)
    risks = (f"{share:.0%} | {least:.2f}" for share, least in calibration.risks)
    taken = (
        f"{trained.steps:,} steps of {options.batch} inputs, learning rate {options.rate:g}, seed {options.seed}; "
        f"last loss {trained.loss:.3f}."
    )
    again = "The network is that of an earlier training; answerability and calibration were made anew."
    return f"""# Reader

Weights for `generate: {{use: reader}}`: a difference to the bundled embedder's network, int8 a weight, with linear
heads for span, supporting sentence, relevance, and yes or no, and the small networks of answerability, made by `rag
train reader`. It fits that network alone.

{table("data | passages | questions | held out", rows)}

{taken if trained.steps else again}
The data's licences are those of its folders.

{table("wrong at most | confidence at least", risks)}
"""
