"""Conformance of the stages that documents go through: connector, chunker, embedder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import InputError
from rag.stages import Chunker, Connector, Embedder
from rag.testing.samples import NAMES, NASTY, make_chain
from rag.types import Document


class ConnectorConformance:
    """Fixture `folder`: (connector, path or address of a folder with at least one file that it can read)."""

    def test_scan_then_load(self, folder: tuple[Connector, Path | str]) -> None:
        connector, root = folder
        absent = f"{root}/absent"
        sources = list(connector.scan([str(root)], base=str(root)))
        assert list(connector.scan([str(root)], base=str(root))) == sources  # stamps of what did not change
        names = [source.name for source in sources]
        assert names and names == sorted(names) and not any(Path(name).is_absolute() for name in names)
        loaded = list(connector.load(sources))
        assert sorted(one.source.name for one in loaded) == names
        assert all(one.reason for one in loaded if one.status != "ok")
        documents = [document for one in loaded for document in one.documents]
        assert documents and len({document.id for document in documents}) == len(documents)
        assert all(0 <= s.start <= s.end <= len(d.text) for d in documents for s in d.sections)
        [gone] = connector.load([replace(sources[0], path=absent)])
        assert gone.status == "failed" and gone.reason and not gone.documents
        with pytest.raises(InputError):
            list(connector.scan([absent], base=str(root)))


class ChunkerConformance:
    """Fixture `chunker`."""

    def test_spans_are_exact(self, chunker: Chunker) -> None:
        documents = [one.document for one in make_chain()]
        documents += [Document(f"nasty{i}", f"{i}.txt", text) for i, text in enumerate(NASTY)]
        result = chunker.chunk(documents)
        assert [one.document for one in result] == documents
        for document, own in ((one.document, one.chunks) for one in result):
            assert all(document.text[chunk.start : chunk.end] == chunk.text for chunk in own)
            assert [chunk.start for chunk in own] == sorted(chunk.start for chunk in own)
            assert all((c.doc_id, c.source, c.title) == (document.id, document.source, document.title) for c in own)
        found = [chunk.id for one in result for chunk in one.chunks]
        assert len(set(found)) == len(found)
        assert result == [chunker.chunk([document])[0] for document in documents]


class EmbedderConformance:
    """Fixture `embedder`."""

    unit_length = True  # of dense vectors

    def test_one_row_per_item(self, embedder: Embedder) -> None:
        together, questions = embedder.embed_chunks(make_chain()), embedder.embed_queries(NAMES)
        given = {name for name in ("dense", "sparse", "tokens") if getattr(together, name) is not None}
        assert given == embedder.representations
        for rows in (together, questions):
            assert {len(getattr(rows, name)) for name in given if getattr(rows, name) is not None} == {len(NAMES)}
            if rows.dense is not None:
                assert rows.dense.shape[1] == embedder.dim
                assert not self.unit_length or np.allclose(np.linalg.norm(rows.dense, axis=1), 1, atol=1e-3)
            assert all((np.diff(one.indices) > 0).all() for one in rows.sparse or ())
        for i, one in enumerate(make_chain()):
            alone = embedder.embed_chunks([one])
            for name in given - {"sparse"}:
                np.testing.assert_allclose(getattr(together, name)[i], getattr(alone, name)[0], atol=1e-3)
            if together.sparse and alone.sparse:
                np.testing.assert_array_equal(together.sparse[i].indices, alone.sparse[0].indices)
        assert len(embedder.embed_chunks([])) == len(embedder.embed_queries([])) == 0

    def test_token_spans_lie_in_the_text(self, embedder: Embedder) -> None:
        for text, spans in zip(NASTY, embedder.token_spans(NASTY), strict=True):
            assert spans.shape == (len(spans), 2) and (spans[:, 0] <= spans[:, 1]).all()
            assert not len(spans) or (0 <= spans.min() and spans.max() <= len(text))
