"""Who may read what: groups of documents, and what a filter by groups leaves of an index."""

import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Filter, Pipeline
from rag.errors import InputError
from rag.index import visible
from rag.index.manifest import Manifest
from rag.index.visible import within_groups
from rag.text.access import read_groups
from rag.text.values import flatten
from rag.types import narrow

OPEN, HR = within_groups(()), within_groups(["hr"])


def ingest(root: Path) -> Pipeline:
    pipeline = Pipeline.load("tiny.yaml", index=root)
    pipeline.ingest(["docs"])
    return pipeline


def names(pipeline: Pipeline, within: Filter | None, question: str = "router Lumen Tarnvik soup") -> set[str]:
    return {Path(hit.chunk.source).name for hit in pipeline.search(question, k=50, filter=within)}


def restrict(path: Path, groups: str) -> None:
    path.write_text(f"---\naccess: {groups}\n---\n{path.read_text()}")


def manifest(pipeline: Pipeline) -> closing[Manifest]:
    return closing(pipeline.index.read_manifest())


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        ("hr", ("hr",)),
        ("legal, hr\nhr", ("hr", "legal")),
        (["hr", "legal"], ("hr", "legal")),
        ([1, "a"], ("1", "a")),
        ("", ()),
        ([], ()),
        (None, ()),
        ("cafe\u0301", ("caf\u00e9",)),
    ],
)
def test_a_field_names_groups(value: object, groups: tuple[str, ...]) -> None:
    assert read_groups(value) == groups
    assert flatten({"Access": value}) == ({"access": groups}, [])
    assert flatten(flatten({"access": value})[0])[0] == {"access": groups}


@pytest.mark.parametrize("value", [False, True, 1.5, {"hr": 1}, [["hr"]], "a\x1b[31m", "x" * 101])
def test_what_names_no_groups_opens_a_document_to_nobody(value: object) -> None:
    fields, problems = flatten({"access": value, "year": 2024})
    assert fields == {"access": (), "year": 2024}
    assert "nobody may read it" in problems[0]


def test_a_document_with_the_field_twice_is_for_nobody() -> None:
    assert flatten({"access": "hr", "Access": "legal"})[0] == {"access": ()}


def test_search_and_hops_stay_within_the_groups(notes: Path) -> None:
    restrict(notes / "docs" / "lumen.md", "[hr, legal]")
    restrict(notes / "docs" / "canteen.txt", "hr")  # plain text has no front matter
    restrict(notes / "docs" / "halvorsen.md", "[]")
    with ingest(notes) as pipeline:
        assert names(pipeline, OPEN) == {"router.md", "canteen.txt"}
        assert names(pipeline, HR) == {"router.md", "canteen.txt", "lumen.md"}
        assert names(pipeline, None) == {"router.md", "canteen.txt", "lumen.md", "halvorsen.md"}
        answer = pipeline.ask("Who makes the router in building 4?", filter=OPEN)
        assert "Halvorsen" not in repr(answer)
        everything = Filter(any_of={"access": ("hr", "legal", "everyone")}, within=OPEN)
        assert names(pipeline, everything) == {"router.md", "canteen.txt"}  # it can only be narrowed


def test_the_sidecar_of_a_folder_counts_wherever_the_ingest_begins(notes: Path) -> None:
    inner = notes / "docs" / "pay" / "2024"
    inner.mkdir(parents=True)
    (inner / "pay.md").write_text("---\naccess: everyone\n---\nThe soup cook earns 40 crowns.")
    (inner / "cook.md").write_text("The soup cook is called Odd.")
    (notes / "docs" / "pay" / ".access").write_text("# the office\nhr\n")
    (inner / "cook.md.access").write_text("everyone")
    with Pipeline.load("tiny.yaml", index=notes) as pipeline:
        report = pipeline.ingest(["docs/pay/2024"])
        assert [file.source for file in report.files] == ["docs/pay/2024/cook.md", "docs/pay/2024/pay.md"]
        assert names(pipeline, OPEN) == {"cook.md"}
        assert names(pipeline, HR) == {"cook.md", "pay.md"}


def test_other_groups_are_stored_without_embedding_anything(notes: Path) -> None:
    sidecar = notes / "docs" / "canteen.txt.access"
    with ingest(notes) as pipeline:
        assert "canteen.txt" in names(pipeline, OPEN)
        sidecar.write_text("hr")
        restrict(notes / "docs" / "lumen.md", "hr")
        assert pipeline.ingest(["docs"]).embedded == 0
        assert names(pipeline, OPEN) == {"router.md", "halvorsen.md"}
        sidecar.unlink()
        assert pipeline.ingest(["docs"]).embedded == 0
        assert "canteen.txt" in names(pipeline, OPEN)
        assert pipeline.ingest(["docs"]).count("unchanged") == 4


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x1b[0m", b"x" * 70_000])
def test_a_sidecar_that_cannot_be_read_opens_nothing(notes: Path, content: bytes) -> None:
    with ingest(notes) as pipeline:
        (notes / "docs" / "lumen.md.access").write_bytes(content)
        report = pipeline.ingest(["docs"])
        assert [file.source for file in report.files if "nobody may" in file.reason] == ["docs/lumen.md"]
        assert "lumen.md" not in names(pipeline, HR)
        assert "lumen.md" in names(pipeline, None)  # what was indexed of it is kept


def test_what_stays_of_a_file_that_fails_is_for_no_others(notes: Path) -> None:
    menu = notes / "docs" / "menu.json"
    menu.write_text('{"text": "Soup of peas."}')
    with ingest(notes) as pipeline:
        assert "menu.json" in names(pipeline, OPEN)
        menu.write_text("{")
        (notes / "docs" / "menu.json.access").write_text("hr")
        assert pipeline.ingest(["docs"]).count("failed") == 1
        assert "menu.json" not in names(pipeline, OPEN)
        assert "menu.json" in names(pipeline, HR)


def test_records_of_one_file_are_for_different_groups(notes: Path) -> None:
    rows = [{"id": "a", "text": "Soup is free.", "access": ["hr"]}, {"id": "b", "text": "Soup costs 3 crowns."}]
    (notes / "docs" / "prices.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with ingest(notes) as pipeline, manifest(pipeline) as db:
        found = pipeline.search("soup", k=50, filter=OPEN)
        assert [h.chunk.text for h in found if h.chunk.source.endswith(".jsonl")] == ["Soup costs 3 crowns."]
        assert visible.list_sources(db, OPEN)["docs/prices.jsonl"].documents == 1
        assert visible.list_sources(db, HR)["docs/prices.jsonl"].documents == 2
        assert not visible.is_whole(db, "docs/prices.jsonl", OPEN)
        assert visible.is_whole(db, "docs/prices.jsonl", HR)


def test_an_index_narrowed_to_groups_is_like_one_of_their_documents_alone(notes: Path) -> None:
    """Names, numbers, errors, and how rare a word is: nothing says that there is more."""
    hidden = "".join(f"The router and the soup of floor {n}. " for n in range(40))
    (notes / "docs" / "floors.md").write_text(f"---\naccess: hr\nfloor: 3\n---\n{hidden}")
    with ingest(notes) as pipeline, manifest(pipeline) as db:
        within = [
            pipeline.search("router soup Lumen", k=9, filter=OPEN),
            visible.count_documents(db, OPEN),
            visible.list_documents(db, OPEN),
            list(visible.list_sources(db, OPEN)),
            pipeline.unread_languages(within=OPEN),
        ]
        sparse = _sparse_scores(pipeline, OPEN)
        assert _sparse_scores(pipeline, None) != sparse
        messages = []
        for field in ("meta.floor", "source", "meta.flour"):
            with pytest.raises(InputError) as error:
                pipeline.search("soup", filter=Filter(any_of={field: ("docs/floors.md",)}, within=OPEN))
            messages.append(str(error.value).replace("flour", "floor"))
        assert messages[0] == messages[2]
        assert "'docs/floors.md'" in messages[1]
    (notes / "docs" / "floors.md").unlink()
    with ingest(notes) as pipeline, manifest(pipeline) as db:
        assert within == [
            pipeline.search("router soup Lumen", k=9),
            visible.count_documents(db, None),
            visible.list_documents(db, None),
            list(visible.list_sources(db, None)),
            pipeline.unread_languages(),
        ]
        assert _sparse_scores(pipeline, None) == sparse


def _sparse_scores(pipeline: Pipeline, within: Filter | None) -> dict[str, float]:
    query = pipeline.stages.retriever.prepare(["router soup canteen"])[0]
    narrowed = [type(query)(query.text, sparse=query.sparse, filter=within)]
    found = pipeline.stages.store.search(narrowed, k=50, using="sparse")[0]
    return {hit.chunk.source: round(hit.score, 5) for hit in found if "floors" not in hit.chunk.source}


def test_a_hidden_document_is_looked_up_as_one_that_is_not_there(notes: Path) -> None:
    restrict(notes / "docs" / "lumen.md", "hr")
    with ingest(notes) as pipeline, manifest(pipeline) as db:
        hidden = pipeline.search("Lumen K2", filter=HR, k=50)
        chunk = next(hit.chunk for hit in hidden if hit.chunk.source == "docs/lumen.md")
        asked: list[str] = []
        db.db.set_trace_callback(lambda statement: asked.append(statement.split(" WHERE ")[0]))
        for id in (chunk.doc_id, "11111111-1111-1111-1111-111111111111"):
            assert visible.find_document(db, id, OPEN) is None
        assert asked[0] == asked[1] and len(asked) == 2  # and no row with its text
        db.db.set_trace_callback(None)
        assert visible.find_chunks(db, [chunk.id, "x"], OPEN) == []
        assert visible.find_chunks(db, [chunk.id, "x"], HR) == [chunk]
        found = visible.find_document(db, chunk.doc_id, HR)
        assert found is not None and found.source == "docs/lumen.md"


def test_documents_are_listed_page_by_page(notes: Path) -> None:
    restrict(notes / "docs" / "lumen.md", "hr")
    with ingest(notes) as pipeline, manifest(pipeline) as db:
        rows = visible.list_documents(db, OPEN)
        first = visible.list_documents(db, OPEN, limit=2)
        assert first + visible.list_documents(db, OPEN, after=first[-1].id) == rows
        assert [row.source for row in rows] == ["docs/canteen.txt", "docs/halvorsen.md", "docs/router.md"]
        hidden = next(row.id for row in visible.list_documents(db, HR) if "access" in row.meta)
        assert visible.list_documents(db, OPEN, after=hidden) == rows


def test_repair_opens_no_document_whose_fields_were_lost(notes: Path) -> None:
    restrict(notes / "docs" / "lumen.md", "hr")
    with ingest(notes) as pipeline:
        with closing(Manifest.open(pipeline.index.manifest_path)) as db:
            db.db.execute("UPDATE documents SET meta = '{}' WHERE source = 'docs/lumen.md'")
        (notes / "docs" / "lumen.md").unlink()
        from rag.maintain.repair import repair

        repair(pipeline.index, pipeline.config)
        assert "lumen.md" not in names(pipeline, HR)
        assert "lumen.md" in names(pipeline, None)


VALUES = st.sampled_from(["a", "hr", 1, 1.0, 2.5, True, False, "1", "True"])
FILTERS = st.recursive(
    st.none(),
    lambda inner: st.builds(
        Filter,
        any_of=st.dictionaries(st.sampled_from(["source", "title", "meta.X", "access"]), st.tuples(VALUES), max_size=2),
        none_of=st.dictionaries(st.sampled_from(["title", "meta.x", "access"]), st.tuples(VALUES, VALUES), max_size=1),
        within=inner,
    ),
    max_leaves=3,
)


@given(filter=FILTERS, own=FILTERS, x=st.one_of(st.none(), VALUES, st.tuples(VALUES, VALUES)), access=st.booleans())
def test_documents_pass_a_filter_as_their_chunks_do(
    filter: Filter | None, own: Filter | None, x: object, access: bool
) -> None:
    from qdrant_client.local.payload_filters import check_filter

    from rag.store.filters import translate
    from rag.store.payload import to_payload
    from rag.store.qdrant import DIALECT
    from rag.types import Chunk

    meta, _ = flatten({"x": x} | ({"access": "hr"} if access else {}))
    chunk = Chunk("0" * 32, "d", "text", 0, 4, "a", "hr", meta=meta)
    both = narrow(own, filter)
    engine = both is None or check_filter(translate(both, DIALECT), to_payload(chunk), 0, {})
    assert visible.passes(both, "d", "a", "hr", dict(meta)) == engine
    assert visible.passes(both, "d", "a", "hr", dict(meta)) == (
        visible.passes(own, "d", "a", "hr", dict(meta)) and visible.passes(filter, "d", "a", "hr", dict(meta))
    )


def test_a_filter_of_chunks_is_none_of_documents() -> None:
    with pytest.raises(InputError, match="documents have no field 'about'"):
        visible.passes(Filter(any_of={"about": ("x",)}), "d", "a", "", {})


def test_a_name_too_long_for_a_sidecar_has_none(notes: Path) -> None:
    (notes / "docs" / f"{'n' * 249}.md").write_text("The soup of the day.")
    with ingest(notes) as pipeline:
        assert f"{'n' * 249}.md" in names(pipeline, OPEN)
    assert os.listdir(notes / "docs")
