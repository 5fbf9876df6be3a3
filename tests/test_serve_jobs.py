"""Documents into a served index: uploads and folders, what is told of them, and what is refused."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from rag.errors import InputError
from rag.serve.app import make_app
from rag.serve.settings import settings_of
from rag.serve.uploads import file_name


@pytest.fixture
def client(notes: Path) -> Iterator[TestClient]:
    settings = settings_of({
        "indexes": {"notes": str(notes)}, "folders": {"docs": str(notes / "docs")}, "pipeline": str(notes / "tiny.yaml")
    })  # fmt: skip
    with TestClient(make_app(settings)) as client:
        yield client


def _follow(client: TestClient, started: Any) -> list[dict[str, Any]]:
    """What is told of a job until it is over."""
    assert started.status_code == 202, started.text
    text = client.get(f"{started.headers['location']}/events").text
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


def test_what_is_uploaded_can_be_asked(client: TestClient, notes: Path) -> None:
    assert client.get("/ready").json()["status"] == "ready"
    assert client.post("/v1/ask", json={"question": "What is the mast made of?"}).status_code == 404
    started = client.post("/v1/jobs", files=[
        ("files", ("mast.md", b"# Mast\n\nThe mast of the Dorothea is made of larch.\n")),
        ("files", ("../../broken.pdf", b"%PDF-1.4 nothing")),
    ])  # fmt: skip
    told = _follow(client, started)
    assert told[-1]["state"] == "done" and told[-1]["files"] == ["mast.md", "broken.pdf"]
    report = told[-1]["report"]
    assert (report["added"], report["failed"]) == (1, 1) and report["published"]
    assert {path.name for path in (notes / "uploads").iterdir()} == {"mast.md", "broken.pdf"}
    assert not list(notes.parent.glob("broken.pdf"))
    for _ in range(600):  # the new generation is opened beside the one in use
        found = client.post("/v1/search", json={"query": "mast of the Dorothea"})
        if found.status_code == 200 and found.json()["hits"]:
            break
        time.sleep(0.05)
    assert "larch" in found.json()["hits"][0]["text"]

    told = _follow(client, client.post("/v1/jobs", json={"folder": "docs"}))
    assert told[-1]["report"]["added"] == 4
    assert [job["state"] for job in client.get("/v1/jobs").json()["jobs"]] == ["done", "done"]


def test_why_a_job_failed_is_told(client: TestClient, notes: Path) -> None:
    shutil.rmtree(notes / "docs")
    told = _follow(client, client.post("/v1/jobs", json={"folder": "docs"}))
    assert told[-1]["state"] == "failed" and told[-1]["error"]["code"] == "input_error"


@pytest.mark.parametrize(
    ("body", "message"), [({"folder": "/etc"}, "no folder is called"), ({"folder": "dosc"}, "Did you mean docs?")]
)
def test_only_folders_that_the_operator_named_are_read(client: TestClient, body: object, message: str) -> None:
    refused = client.post("/v1/jobs", json=body)
    assert refused.status_code == 400 and message in str(refused.json()["error"])


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/..", ".rag", "docs/.gitignore", "a\nb", "x" * 300, None, "C:\\.env"]
)
def test_a_name_that_no_folder_should_hold_is_refused(name: str | None) -> None:
    with pytest.raises(InputError):
        file_name(name)


@pytest.mark.parametrize("name", ["a.md", "dir/a.md", "../../a.md", "C:\\dir\\a.md", "/etc/a.md"])
def test_only_the_last_part_of_a_name_counts(name: str) -> None:
    assert file_name(name) == "a.md"


def test_a_form_without_files_and_an_unknown_job_are_refused(client: TestClient) -> None:
    assert client.post("/v1/jobs", data={"index": "notes"}, files={"other": b"x"}).status_code == 400
    assert client.get("/v1/jobs/none").status_code == 404
    assert client.post("/v1/jobs", files=[("files", ("a.md", b"1")), ("files", ("b/a.md", b"2"))]).status_code == 400
