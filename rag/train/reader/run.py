"""From folders of labelled questions to a reader's file with its card: network, answerability, calibration."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from rag.errors import InputError, ModelError
from rag.models.files import BUNDLED
from rag.models.spec import read as spec
from rag.reader import weights
from rag.reader.answerability import load_answerability
from rag.reader.network import load_reader
from rag.reader.weights import plain_tokenizer
from rag.train.common.card import table
from rag.train.common.loop import Say
from rag.train.reader.answerability import train_answerability
from rag.train.reader.calibrate import fit, make_examples
from rag.train.reader.inputs import draw_inputs
from rag.train.reader.polarity import turn
from rag.train.reader.questions import ReaderDataset, read, training_questions
from rag.train.reader.sets import ReadingSet, is_reading_set, read_set
from rag.train.reader.train import Draw, ReaderNetwork, ReaderOptions, TrainedReader, train
from rag.types import Vectors

TURNED = 0.15  # passages whose sentences are asked for yes or no, as a share of the questions


def train_reader(
    folders: Sequence[Path],
    out: Path,
    *,
    body: str = BUNDLED,
    options: ReaderOptions,
    calibration: int,
    start: Path | None,
    teacher: Path | None = None,
    say: Say,
) -> TrainedReader:
    """Train on every folder at once, from the network of `body` or from `start`; then fit the confidence.

    A folder of questions over a corpus, or a reading set (`rag.train.reader.sets`); one named twice is read twice in an
    epoch. Reading sets train the network alone; `calibration` questions of each other folder fit the confidence.
    Sentences of the passages are asked for yes and no, too (`rag.train.reader.polarity`). What the reader of the file
    `teacher` finds is learned beside the labels.

    `out` is written every few hundred steps, so that a killed training leaves one to go on from as `start`; the card
    goes beside it. No epochs leave the network of `start` as it is, and make answerability and calibration anew. Raises
    InputError for folders without questions and for neither epochs nor `start`, ModelError for a `start` or `body` that
    does not fit.
    """
    if not options.epochs and start is None:
        raise InputError("no epochs train nothing; name the reader whose confidence is to be fitted by `--start FILE`.")
    each = list(dict.fromkeys(folders))
    sets = {folder: read_set(folder, np.random.default_rng(options.seed)) for folder in each if is_reading_set(folder)}
    known = {folder: read(folder) for folder in each if folder not in sets}
    if not known:
        raise InputError("reading sets alone do not tell how sure an answer is; name a folder with a corpus, too.")
    sources = list(known.values())
    for source in sources:
        say(f"{source.name}: {len(source.train):,} questions, {len(source.held_out):,} held out")
    for one in sets.values():
        say(f"{one.name}: {len(one.questions):,} questions, {len(one.statements):,} for yes or no")

    questions = {folder: training_questions(source) for folder, source in known.items()}
    draws: dict[Path, Draw] = {folder: partial(draw_inputs, some) for folder, some in questions.items()}
    draws |= {folder: one.draw for folder, one in sets.items()}
    each_once = [one for own in questions.values() for one in own]
    texts = {passage.text: passage for one in each_once for passage in (*one.gold, *one.distractors)}
    polarity = partial(turn, [*texts.values()], most=round(TURNED * len(each_once)))

    facts = _facts(body, start)
    tokenizer = plain_tokenizer(facts["tokenizer"])
    save = partial(write, out, facts=facts)
    torch.manual_seed(options.seed)
    network = ReaderNetwork.from_file(start) if start else ReaderNetwork.from_body(body)
    before = unfinished(start) if start else 0.0
    if before:
        say(f"{start}: goes on at {before:.1%}")
    trained = train(
        network,
        tokenizer,
        [*(draws[folder] for folder in folders), polarity],
        options,
        before=before,
        teacher=ReaderNetwork.from_file(teacher) if teacher else None,
        save=save,
        say=say,
    )
    write(out, trained, facts)
    networks = train_answerability(each_once, spec(BUNDLED), seed=options.seed, say=say)
    write(out, trained, facts, networks)
    load_reader.cache_clear()
    load_answerability.cache_clear()
    fitted = fit(
        make_examples(sources, load_reader(out), load_answerability(out), most=calibration, seed=options.seed, say=say)
    )
    load_reader.cache_clear()  # or Windows would not let the file be replaced
    load_answerability.cache_clear()
    write(out, trained, {**facts, "choice": fitted.to_json()}, networks)
    out.with_suffix(".md").write_text(
        _card(facts["source"], sources, [*sets.values()], options, trained), encoding="utf-8"
    )
    return trained


def _facts(body: str, start: Path | None) -> dict[str, str]:
    """What the file says of its network, that of `start` or a new one, and of the model that answerability compares."""
    embedder = {"embedder": spec(BUNDLED).fingerprint()}
    if start:
        facts = weights.load(start).facts
        return {name: facts[name] for name in ("config", "tokenizer", "source")} | embedder
    model = spec(body)
    rules = model.folder / "tokenizer.json"
    if model.config.get("model_type") != "bert" or not rules.is_file():
        raise ModelError(f"{model.folder}: no BERT with a tokenizer.json, which the --body of a reader is.")
    network = {"config": json.dumps(dict(model.config)), "tokenizer": rules.read_text(encoding="utf-8")}
    return network | {"source": model.folder.name} | embedder


def unfinished(start: Path) -> float:
    """How much of the training behind a file is done, 1 where only its calibration is missing; 0 for a whole file."""
    facts = weights.load(start).facts
    return 0.0 if "choice" in facts else float(facts["done"])


def write(
    path: Path, trained: TrainedReader, facts: Mapping[str, str], networks: Sequence[Mapping[str, Vectors]] = ()
) -> None:
    """Write the file, the old one kept until the new one is whole."""
    answerability = {f"{n}.{name}": tensor for n, one in enumerate(networks) for name, tensor in one.items()}
    facts = {**facts, "done": f"{trained.done:.6f}"}
    weights.write(path, trained.network, trained.heads, facts, answerability=answerability)


def _card(
    source: str,
    datasets: Sequence[ReaderDataset],
    sets: Sequence[ReadingSet],
    options: ReaderOptions,
    trained: TrainedReader,
) -> str:
    rows = [f"{s.name} | {len(s.passages):,} | {len(s.train):,} | {len(s.held_out):,}" for s in datasets]
    rows += [f"{s.name} | | {len(s.questions) + len(s.statements):,} |" for s in sets]
    taken = (
        f"{trained.steps:,} steps of at most {options.tokens:,} tokens, learning rate {options.rate:g}, seed "
        f"{options.seed}; last loss {trained.loss:.3f}."
    )
    again = "The network is that of an earlier training; answerability and calibration were made anew."
    return f"""# Reader

Weights for `generate: {{use: reader}}`: a network that began as {source}, int8 a weight, with its tokenizer, linear
heads for span, supporting sentence, relevance, and yes or no, and the small networks of answerability, made by `rag
train reader`. Answerability compares the bundled embedder's token vectors and fits that model alone.

{table("data | passages | questions | held out", rows)}

{taken if trained.steps else again}
The data's licences are those of its folders.
"""
