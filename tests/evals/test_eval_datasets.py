"""Loaders: the project's format and each published one, and what they say about files that are not in order."""

from __future__ import annotations

import gzip
import json
from math import log2
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import InputError
from rag_evals.datasets import Dataset, load
from rag_evals.measure import question_metrics
from rag_evals.records import QuestionRecord

CORPUS = [
    {"pid": "p1", "title": "Halden", "text": "Halden makes routers."},
    {"pid": "p2", "text": "It sits in Norvik."},
]
QUESTION = {"id": "q1", "question": "Where is the maker of the router?", "answer": "Norvik", "gold": ["p1", "p2"]}

HOTPOT = {
    "_id": "h1",
    "question": "Which?",
    "answer": "yes",
    "type": "comparison",
    "level": "hard",
    "supporting_facts": [["B", 1], ["A", 0]],
    "context": [["A", ["First. ", "Second."]], ["B", ["Third.", " Fourth."]], ["C", ["Fifth."]]],
}
MUSIQUE = {
    "id": "2hop__1_2",
    "question": "Who?",
    "answer": "X",
    "answer_aliases": ["Y"],
    "answerable": True,
    "paragraphs": [
        {"idx": 0, "title": "A", "paragraph_text": "one", "is_supporting": True},
        {"idx": 1, "title": "A", "paragraph_text": "two", "is_supporting": False},
        {"idx": 2, "title": "B", "paragraph_text": "three", "is_supporting": True},
    ],
    "question_decomposition": [{"paragraph_support_idx": 2}, {"paragraph_support_idx": 0}],
}
MULTIHOP = {
    "query": "Which company?",
    "answer": "Halden",
    "question_type": "inference_query",
    "evidence_list": [{"url": "u2", "fact": "f"}, {"url": "u1", "fact": "g"}, {"url": "u2", "fact": "h"}],
}
ARTICLES = [{"title": "T1", "url": "u1", "body": "b1"}, {"title": "T2", "url": "u2", "body": "b2"}]
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Oil",
            "paragraphs": [
                {
                    "context": "Oil is found.",
                    "qas": [
                        {"id": "s1", "question": "What?", "answers": [{"text": "Oil", "answer_start": 0}]},
                        {"id": "s2", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}


def lines(path: Path, rows: list[Any]) -> Path:
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def problems(dataset: Dataset) -> list[str]:
    return [str(p).removeprefix(f"{Path(p.file).parent}/") for p in dataset.problems]


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_the_projects_format_plain_or_gzipped(tmp_path: Path, ending: str) -> None:
    dataset = load(lines(tmp_path / f"q.{ending}", [QUESTION]), lines(tmp_path / f"c.{ending}", CORPUS))
    (question,) = dataset.questions
    assert (question.id, question.answers, question.gold) == ("q1", ("Norvik",), ("p1", "p2"))
    assert [p.text for p in dataset.corpus] == [p.text for p in dataset.corpus] == [r["text"] for r in CORPUS]
    assert problems(dataset) == []


def test_aliases_lists_and_unanswerable_questions(tmp_path: Path) -> None:
    rows = [
        {**QUESTION, "answer": ["A", "B"], "aliases": ["B", 1889], "hops": 2, "type": None},
        {"id": "q2", "question": "What?", "answer": "X", "answerable": False},
        {"id": "q3", "question": "What?", "answers": ["X"], "is_impossible": True, "pid": "p1"},
        {"id": "q4", "question": "What?", "answers": ["X"], "pid": "p1"},
    ]
    dataset = load(lines(tmp_path / "q.jsonl", rows), lines(tmp_path / "c.jsonl", CORPUS))
    assert dataset.questions[0].answers == ("A", "B", "1889")
    assert [(q.answerable, q.answers, q.gold) for q in dataset.questions[1:]] == [
        (False, (), ()),
        (False, (), ()),
        (True, ("X",), ("p1",)),
    ]


def test_what_is_wrong_is_named_by_file_and_line_and_the_rest_is_used(tmp_path: Path) -> None:
    rows = [
        {**QUESTION, "anwser": "typo"},
        "{broken",
        "[1, 2]",
        {**QUESTION, "id": "q2", "gold": ["p9"]},
        {**QUESTION, "id": "q1"},
        {**QUESTION, "id": "q3", "question": ""},
        {**QUESTION, "id": "q4", "gold": 3.5e400},
        {**QUESTION, "id": "q5", "gold": [], "anwser": "again"},
    ]
    corpus = [*CORPUS, {"pid": "p1", "text": "another"}, {"title": "no pid", "text": "x"}, {"pid": "p3"}]
    dataset = load(lines(tmp_path / "q.jsonl", rows), lines(tmp_path / "c.jsonl", corpus), format="project")
    assert [q.id for q in dataset.questions] == ["q1", "q5"]
    list(dataset.corpus)  # walking again repeats nothing
    said = problems(dataset)
    assert "q.jsonl:1: unknown field 'anwser' is ignored. Did you mean answer?" in said
    for start in (
        "q.jsonl:2: left out: not JSON",
        "q.jsonl:3: left out: an object with named fields is needed, not list",
        "q.jsonl:4: left out: its gold passage 'p9' is not in the corpus",
        "q.jsonl:5: left out: id 'q1' was there before",
        "q.jsonl:6: left out: 'question' is missing",
        "q.jsonl:7: left out: its gold passage 'inf'",
        "q.jsonl:8: no gold",
        "c.jsonl:3: left out: pid 'p1' was there before",
        "c.jsonl:4: left out: 'pid' is missing",
        "c.jsonl:5: left out: 'text' is missing",
    ):
        assert sum(line.startswith(start) for line in said) == 1, start
    assert len(said) == 11


def test_bytes_that_are_not_utf8_and_a_file_cut_short(tmp_path: Path) -> None:
    good = json.dumps(QUESTION).encode() + b"\n"
    (tmp_path / "q.jsonl").write_bytes(b"\xef\xbb\xbf" + good + b'{"question": "caf\xe9"}\n')
    whole = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in CORPUS) + bytes(range(256)) * 200)
    (tmp_path / "c.jsonl.gz").write_bytes(whole[:-20])
    dataset = load(tmp_path / "q.jsonl", tmp_path / "c.jsonl.gz")
    assert len(dataset.questions) == 1
    said = problems(dataset)
    assert any(line.startswith("q.jsonl:2: left out: not UTF-8") for line in said)
    assert any("left out: the rest of the file, which ends here" in line for line in said)


def test_hotpotqa_as_published(tmp_path: Path) -> None:
    path = tmp_path / "hotpot_dev_distractor_v1.json"
    other = {**HOTPOT, "_id": "h2", "context": [["A", ["Another A."]], ["B", ["Third.", " Fourth."]]]}
    path.write_text(json.dumps([HOTPOT, other]))
    dataset = load(path)
    first, second = dataset.questions
    assert (first.gold, first.type, first.answers) == (("B", "A"), "comparison", ("yes",))
    assert first.supporting_facts == (("B", 1), ("A", 0))
    assert second.gold == ("B", "A #2")
    passages = {p.pid: p for p in dataset.corpus}
    assert list(passages) == ["A", "B", "C", "A #2"]
    assert (passages["A"].text, passages["A"].sentences) == ("First. Second.", ("First.", "Second."))
    assert problems(dataset) == []


def test_hotpotqa_hub_copies(tmp_path: Path) -> None:
    columns = {
        **{key: HOTPOT[key] for key in ("question", "answer", "type", "level")},
        "id": "h1",
        "supporting_facts": {"title": ["B", "A"], "sent_id": [1, 0]},
        "context": {"title": ["A", "B"], "sentences": [["First. "], ["Third.", " Fourth."]]},
    }
    as_text = {**HOTPOT, "_id": "h2", "context": json.dumps(HOTPOT["context"])}
    dataset = load(lines(tmp_path / "validation.jsonl", [columns, as_text]))
    assert [q.gold for q in dataset.questions] == [("B", "A"), ("B", "A #2")]


def test_2wiki_evidence_fields_are_known(tmp_path: Path) -> None:
    row = {**HOTPOT, "evidences": [["A", "is", "B"]], "entity_ids": "x", "answer_id": "Q1", "evidences_id": []}
    (tmp_path / "dev.json").write_text(json.dumps([row], indent=1))
    dataset = load(tmp_path / "dev.json", format="2wikimultihopqa")
    assert len(dataset.questions) == 1
    assert problems(dataset) == []


def test_musique_as_published(tmp_path: Path) -> None:
    twin = {**MUSIQUE, "answerable": False}
    dataset = load(lines(tmp_path / "musique_full_v1.0_dev.jsonl", [MUSIQUE, twin]))
    first, second = dataset.questions
    assert (first.gold, first.answers, first.hops, first.type) == (("B", "A"), ("X", "Y"), 2, "2hop")
    assert (second.id, second.answerable, second.gold) == ("2hop__1_2 unanswerable", False, ())
    assert [p.pid for p in dataset.corpus] == ["A", "A #2", "B"]


def test_multihop_rag_as_published(tmp_path: Path) -> None:
    null = {"query": "What?", "answer": "Insufficient information.", "question_type": "null_query", "evidence_list": []}
    (tmp_path / "MultiHopRAG.json").write_text(json.dumps([MULTIHOP, null], indent=2))
    (tmp_path / "corpus.json").write_text(json.dumps(ARTICLES))
    dataset = load(tmp_path / "MultiHopRAG.json")
    first, second = dataset.questions
    assert (first.gold, first.type, first.hops) == (("u2", "u1"), "inference", 3)
    assert (second.answerable, second.gold, second.id) == (False, (), "2")
    assert [(p.pid, p.title) for p in dataset.corpus] == [("u1", "T1"), ("u2", "T2")]


def beir(folder: Path) -> Path:
    lines(folder / "corpus.jsonl", [{"_id": "d1", "title": "", "text": "one"}, {"_id": "d2", "title": "t", "text": ""}])
    lines(folder / "queries.jsonl", [{"_id": "q1", "text": "who"}, {"_id": "q2", "text": "what"}])
    (folder / "qrels").mkdir()
    head = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "test.tsv").write_text(f"{head}q1\td1\t1\nq1\td2\t0\nq9\td1\t1\nq2\td1\tx\n")
    (folder / "qrels" / "dev.tsv").write_text(f"{head}q2\td2\t2\nq2\td1\n")
    return folder


def test_beir_layout_by_folder_or_split(tmp_path: Path) -> None:
    dataset = load(beir(tmp_path))
    assert [(q.id, q.question, q.gold) for q in dataset.questions] == [("q1", "who", ("d1",))]
    said = problems(dataset)
    assert any(line.startswith("test.tsv:4: left out: there is no query 'q9'") for line in said)
    assert any(line.startswith("test.tsv:5: left out: 'score' must be a number") for line in said)
    dev = load(tmp_path / "qrels" / "dev.tsv")
    assert [(q.id, q.gold, q.grades) for q in dev.questions] == [("q2", ("d2",), ())]
    assert any(line.startswith("dev.tsv:3: left out: 2 cells under a header of 3") for line in problems(dev))


def test_beir_hub_copy_with_qrels_as_json_lines(tmp_path: Path) -> None:
    beir(tmp_path)
    for split in (tmp_path / "qrels").iterdir():
        split.unlink()
    lines(tmp_path / "qrels.jsonl", [{"query-id": "q2", "corpus-id": "d2", "score": 1}])
    assert [q.gold for q in load(tmp_path).questions] == [("d2",)]


def test_judgements_with_grades_keep_them(tmp_path: Path) -> None:
    (beir(tmp_path) / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t3\n")
    [question] = load(tmp_path).questions
    assert (question.gold, question.grades) == (("d1", "d2"), (1, 3))
    record = QuestionRecord(question.id, ("d1", "x", "d2"), (0, 0, 0), 0.0)
    values = question_metrics(question, record, [10], 0)
    assert values["ndcg@10"] == (1 + 3 / 2) / (3 + 1 / log2(3)) and values["recall@10"] == 1


def test_the_hubs_parquet_of_mteb_in_parts(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    def table(name: str, rows: list[dict[str, Any]]) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / name)

    table("corpus/test-00000-of-00002.parquet", [{"id": "d1", "title": "", "text": "one"}])
    table("corpus/test-00001-of-00002.parquet", [{"id": "d2", "title": "t", "text": "two"}])
    table("queries/test-00000-of-00001.parquet", [{"id": "q1", "text": "who"}])
    for split, score in (("dev", 1), ("test", 2)):
        table(f"data/{split}-00000-of-00001.parquet", [{"query-id": "q1", "corpus-id": "d2", "score": score}])
    dataset = load(tmp_path)
    assert [p.pid for p in dataset.corpus] == ["d1", "d2"] and not dataset.problems
    assert [(q.id, q.question, q.gold) for q in dataset.questions] == [("q1", "who", ("d2",))]
    broken = tmp_path / "corpus" / "test-00001-of-00002.parquet"
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"no usable question.*\n.*test-00001-of-00002.parquet:1: left out: the rest"):
        load(tmp_path)


def test_longembeds_folder(tmp_path: Path) -> None:
    lines(tmp_path / "corpus.jsonl", [{"doc_id": "d1", "text": "one", "context_length": 256}])
    lines(tmp_path / "queries.jsonl", [{"qid": "q1", "text": "who", "context_length": 256}])
    lines(tmp_path / "qrels.jsonl", [{"qid": "q1", "doc_id": "d1", "context_length": 256}])
    for path in (tmp_path, tmp_path / "qrels.jsonl"):
        assert [(q.id, q.gold) for q in load(path).questions] == [("q1", ("d1",))]


def test_squad_as_published_and_flat(tmp_path: Path) -> None:
    (tmp_path / "dev-v2.0.json").write_text(json.dumps(SQUAD))
    dataset = load(tmp_path / "dev-v2.0.json")
    assert [(q.id, q.answerable, q.gold, q.answers) for q in dataset.questions] == [
        ("s1", True, ("Oil",), ("Oil",)),
        ("s2", False, (), ()),
    ]
    flat = {
        "id": "s1",
        "title": "Oil",
        "context": "Oil is found.",
        "question": "What?",
        "answers": {"text": ["Oil", "Oil"], "answer_start": [0, 0]},
    }
    assert load(lines(tmp_path / "flat.jsonl", [flat])).questions == dataset.questions[:1]


def own(folder: Path) -> Path:
    (folder / "docs" / "sub").mkdir(parents=True)
    (folder / "docs" / "a.md").write_text("Halden makes routers.")
    (folder / "docs" / "sub" / "b.txt").write_text("Halden sits in Norvik.")
    return folder / "docs"


def test_a_users_own_table(tmp_path: Path) -> None:
    docs = own(tmp_path)
    table = tmp_path / "mine.csv"
    table.write_text(
        "question;answer;sources;answerable\n"
        'Where is the maker?;"Norvik; Norvik town";"a.md; sub/b.txt";\n'
        'Who?;Halden;"""Halden makes routers."";a.md";\n'
        '"A question\nover two lines?";;;false\n'
        "Which?;X;missing.pdf;\n"
        "too;few\n"
    )
    dataset = load(table, docs)
    assert dataset.documents == (str(docs),)
    first, second, third = dataset.questions
    assert (first.gold, first.answers, first.quotes) == (("a.md", "sub/b.txt"), ("Norvik", "Norvik town"), ())
    assert (second.gold, second.quotes) == (("Halden makes routers.", "a.md"), ("Halden makes routers.",))
    assert (third.id, third.answerable) == ("4", False)
    said = problems(dataset)
    assert any(line.startswith("mine.csv:6: left out: there is no source 'missing.pdf'") for line in said)
    assert any(line.startswith("mine.csv:7: left out: 2 cells") for line in said)
    assert len(said) == 2


def test_a_users_own_json_lines_over_documents_or_a_corpus(tmp_path: Path) -> None:
    rows = [{"question": "Who?", "answer": ["Halden", "it; really"], "sources": ["a.md", {"quote": "in Norvik"}]}]
    dataset = load(lines(tmp_path / "mine.jsonl", rows), own(tmp_path))
    assert dataset.questions[0].answers == ("Halden", "it; really")
    assert dataset.questions[0].quotes == ("in Norvik",)
    by_pid = lines(tmp_path / "pids.jsonl", [{"question": "Who?", "answer": "Halden", "sources": "p1; p2"}])
    assert load(by_pid, lines(tmp_path / "c.jsonl", CORPUS)).questions[0].gold == ("p1", "p2")


@pytest.mark.parametrize(
    ("row", "format", "message"),
    [
        ({"colour": "red"}, None, "the format is not known by its fields .colour."),
        (QUESTION, "hotpot", "unknown format. Did you mean hotpotqa"),
        (QUESTION, "musique", "no usable question"),
        (QUESTION, "project", "a corpus file .* is needed"),
        (QUESTION, "own", "name the folder of documents"),
    ],
)
def test_a_wrong_format_says_what_would_be_right(
    tmp_path: Path, row: dict[str, Any], format: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(lines(tmp_path / "q.jsonl", [row]), format=format)


def test_files_that_cannot_be_used_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="no qrels"):
        load(tmp_path)
    (tmp_path / "q.jsonl").write_bytes(b"PAR1 and so on")
    with pytest.raises(InputError, match=r"let its name end in \.parquet"):
        load(tmp_path / "q.jsonl")
    (tmp_path / "hotpot.json").write_text(json.dumps([HOTPOT]))
    with pytest.raises(InputError, match="leave the corpus out"):
        load(tmp_path / "hotpot.json", lines(tmp_path / "c.jsonl", CORPUS))


def test_a_json_list_that_breaks_keeps_what_stands_before(tmp_path: Path) -> None:
    path = tmp_path / "hotpot.json"
    path.write_text("[\n" + json.dumps(HOTPOT) + ",\n" + json.dumps(HOTPOT)[:-40])
    dataset = load(path)
    assert len(dataset.questions) == 1
    assert problems(dataset)[0].startswith("hotpot.json:3, item 2: left out: the rest of the file, not JSON")


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | st.text('a[{"', max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["title", "idx", "text", "url"]), inner)
    ),
    max_leaves=5,
)
PUBLISHED: dict[str, dict[str, Any]] = {
    "hotpotqa": HOTPOT,
    "musique": MUSIQUE,
    "multihop-rag": MULTIHOP,
    "squad": SQUAD,
    "project": QUESTION,
}


@pytest.mark.parametrize("format", PUBLISHED)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_a_field_holds_is_a_problem_and_never_a_crash(
    tmp_path: Path, format: str, data: st.DataObject
) -> None:
    row = PUBLISHED[format]
    field = data.draw(st.sampled_from([*row]))
    bent = {**row, field: data.draw(anything)}
    corpus = None
    if format == "project":
        corpus = lines(tmp_path / "c.jsonl", CORPUS)
    (tmp_path / "corpus.json").write_text(json.dumps(ARTICLES))
    path = lines(tmp_path / "q.jsonl", [bent, row if format != "squad" else SQUAD])
    try:
        dataset = load(path, corpus, format=format)
    except InputError as error:
        assert "no usable question" in str(error)
        return
    assert dataset.questions
    there = {p.pid for p in dataset.corpus}
    assert all(set(q.gold) <= there for q in dataset.questions)


@pytest.mark.parametrize(
    "header", ["Question,Answer,Sources", " QUESTION , answer ,SoUrCeS", "Sources;Question;Answer"]
)
def test_columns_may_be_written_in_any_case(tmp_path: Path, header: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The winch lifts 750 kg.")
    cells = {"question": "What does it lift?", "answer": "750 kg", "sources": "a.txt"}
    mark = ";" if ";" in header else ","
    row = mark.join(cells[name.strip().lower()] for name in header.split(mark))
    (tmp_path / "q.csv").write_text(f"{header}\n{row}\n")
    dataset = load(tmp_path / "q.csv", tmp_path / "docs")
    [question] = dataset.questions
    assert (question.question, question.answers, question.gold) == ("What does it lift?", ("750 kg",), ("a.txt",))
    assert not problems(dataset)
    both = {"Question": "no", "question": "yes?", "Sources": ["a.txt"]}
    assert load(lines(tmp_path / "q.jsonl", [both]), tmp_path / "docs").questions[0].question == "yes?"


def test_a_number_of_thousands_of_digits_costs_its_line_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("x")
    (tmp_path / "q.jsonl").write_text(
        '{"question": "One?", "sources": ["a.txt"]}\n{"question": "Two?", "hops": %s}\n' % ("9" * 5000)
    )
    dataset = load(tmp_path / "q.jsonl", tmp_path / "docs")
    assert [question.question for question in dataset.questions] == ["One?"] and len(problems(dataset)) == 1


def test_a_table_as_spreadsheets_export_it(tmp_path: Path) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "docs" / "sub" / "a.txt").write_text("The winch lifts 750 kg.")
    table = "Question\tAnswer\tSources\r\nWhat does the Größe say?\t750 kg\tsub\\a.txt\r\n"
    (tmp_path / "q.tsv").write_bytes(table.encode("utf-16"))
    dataset = load(tmp_path / "q.tsv", tmp_path / "docs")
    assert [(one.question, one.gold) for one in dataset.questions] == [("What does the Größe say?", ("sub/a.txt",))]
