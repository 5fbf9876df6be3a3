"""Load a dataset of any known format, checked: ids are unique and every gold passage is there.

What is wrong is collected in `Dataset.problems`, by file and line, and left out; the rest is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rag.errors import InputError
from rag.registry import did_you_mean
from rag_evals.datasets import beir, hotpot, multihop_rag, musique, own, project, squad
from rag_evals.datasets.model import Dataset, DatasetParts, Located, Passage, Problems, Question
from rag_evals.datasets.read import rows

FORMATS: Mapping[str, Callable[[Path, Path | None, Problems], DatasetParts]] = {
    "project": project.read,
    "hotpotqa": hotpot.read,
    "2wikimultihopqa": hotpot.read,
    "musique": musique.read,
    "multihop-rag": multihop_rag.read,
    "beir": beir.read,
    "squad": squad.read,
    "own": own.read,
}

# The first line whose fields are all in the first row says the format.
_SIGNS: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(names.split()), format)
    for names, format in (
        ("question gold", "project"),
        ("question pid", "project"),
        ("question paragraphs", "musique"),
        ("query evidence_list", "multihop-rag"),
        ("question context supporting_facts", "hotpotqa"),
        ("data", "squad"),
        ("question context answers", "squad"),
        ("query-id corpus-id", "beir"),
        ("qid doc_id", "beir"),
        ("question sources", "own"),
        ("question source", "own"),
        ("question id", "project"),
    )
)


def load(
    questions: str | Path, corpus: str | Path | None = None, *, format: str | None = None, name: str | None = None
) -> Dataset:
    """The dataset of a questions file, over a corpus file or a folder of documents where the format needs one.

    Without `format` the first row decides. Raises InputError when a file is missing, of no known format, or holds
    no usable question.
    """
    questions, corpus = Path(questions), Path(corpus) if corpus is not None else None
    for path in (questions, corpus):
        if path is not None and not path.exists():
            raise InputError(f"{path}: there is no such file or folder.")
    problems = Problems()
    format = format or _detect(questions)
    if format not in FORMATS:
        raise InputError(f"{format}: unknown format.{did_you_mean(format, FORMATS)} Known: {', '.join(FORMATS)}.")
    try:
        parts = FORMATS[format](questions, corpus, problems)
    except ValueError as error:
        raise InputError(f"{questions}: {error} (read as {format}).") from error
    usable = _checked(parts.questions, parts.corpus, bool(parts.documents), problems)
    if not usable:
        first = "".join(f"\n  {problem}" for problem in list(problems)[:3])
        raise InputError(f"{questions}: no usable question in it (read as {format}).{first}")
    return Dataset(name or _name(questions), usable, parts.corpus, parts.documents, problems)


def _detect(path: Path) -> str:
    if path.is_dir():
        return "beir"
    _, row = next(rows(path, Problems()), ("", {}))
    for names, format in _SIGNS:
        if names <= row.keys():
            return format
    fields = ", ".join(map(str, row)) or "no readable row"
    raise InputError(
        f"{path}: the format is not known by its fields ({fields}). Questions of your own have question, answer and "
        f"source (a file, or a quote from one in double quotes). Published formats: {', '.join(FORMATS)}."
    )


def _name(path: Path) -> str:
    stem = path.name.partition(".")[0]
    return f"{path.resolve().parent.name}/{stem}"


def _checked(
    found: Iterable[Located], corpus: Iterable[Passage], over_documents: bool, problems: Problems
) -> tuple[Question, ...]:
    """The questions with a fresh id whose gold is in the corpus."""
    fresh: dict[str, Located] = {}
    for item in found:
        if item.question.id in fresh:
            problems.add(item.file, item.where, f"id {item.question.id!r} was there before")
        else:
            fresh[item.question.id] = item
    wanted = {pid for item in fresh.values() for pid in set(item.question.gold) - set(item.question.quotes)}
    there = wanted if over_documents else {passage.pid for passage in corpus if passage.pid in wanted}
    usable: list[Question] = []
    for item in fresh.values():
        question = item.question
        lost = [pid for pid in question.gold if pid not in there and pid not in question.quotes]
        if lost:
            problems.add(item.file, item.where, f"its gold passage {lost[0]!r} is not in the corpus")
            continue
        if question.answerable and not question.gold:
            problems.add(item.file, item.where, "no gold: retrieval metrics leave this question out", lost=False)
        usable.append(question)
    return tuple(usable)
