"""Who may import whom, and what a light command may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ["types", "errors", "stages", "registry", "config", "manifest", "index", "ingest", "graph", "pipeline", "cli"]
PURE = {
    "rag.llm.prompts",
    "rag.answer.citations",
    "rag.text.mentions",
    "rag.text.sentence_ends",
    "rag.cache",
    "rag.llm.sse",
    "rag.text.sentences",
    "rag.llm.token_count",
    "rag.text.words",
    "rag.models.batching",
}
LEAVES = ["chunk", "embed", "store", "retrieve", "rerank", "hop", "generate"]
ONLY_IN = {"langgraph": "rag/graph.py", "qdrant_client": "rag/store", "qdrant_edge": "rag/store"}
HEAVY = {"torch", "transformers", "langgraph", "qdrant_client", "qdrant_edge", "onnxruntime", "numpy"}


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Modules a file imports (`if TYPE_CHECKING` blocks left out)."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    found: set[str] = set()
    for node in tree.body if top_level else ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_core_modules_import_only_what_stands_before_them() -> None:
    for position, name in enumerate(CORE):
        places = files("rag/cli") if name == "cli" else [ROOT / "rag" / f"{name}.py"]
        for path in places:
            for module in imports(path, top_level=True):
                head, _, rest = module.partition(".")
                part = rest.split(".")[0]
                if head == "rag" and part in CORE:
                    assert CORE.index(part) <= position, f"{path.name} imports {module}"


def test_implementations_import_only_data_protocols_errors_and_pure_helpers() -> None:
    allowed = {"rag.types", "rag.stages", "rag.errors", *PURE}
    for leaf in LEAVES:
        for path in files(f"rag/{leaf}"):
            for module in imports(path):
                if module.startswith("rag.") and not module.startswith(f"rag.{leaf}"):
                    shared = module.startswith("rag.read")  # the reader, a model that several stages use
                    assert shared or module in allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_connectors_and_evals_use_only_the_public_side() -> None:
    for path in files("connectors"):
        outside = {m for m in imports(path) if m.startswith("rag.")}
        assert outside <= {"rag.types", "rag.stages", "rag.errors"}, path.name
    for path in files("rag"):
        assert not any(m.split(".")[0] in {"rag_connectors", "rag_evals"} for m in imports(path)), path.name


@pytest.mark.parametrize(("library", "home"), ONLY_IN.items())
def test_each_engine_has_one_home(library: str, home: str) -> None:
    for path in files("rag") + files("connectors") + files("evals"):
        if any(m.split(".")[0] == library for m in imports(path)):
            assert path.relative_to(ROOT).as_posix().startswith(home), path


@pytest.mark.parametrize("command", [["--help"], ["ask", "--help"], ["ingest", "--help"], ["pipelines", "--help"]])
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom rag.cli import run\nsys.argv = ['rag', *sys.argv[1:]]\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', sorted({HEAVY!r} & {{m.split('.')[0] for m in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_nothing_prints_outside_the_command_line() -> None:
    for path in files("rag") + files("connectors"):
        if "cli" not in path.parts:
            calls = {
                node.func.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert "print" not in calls, path


def test_trainings_share_only_what_stands_in_common() -> None:
    for training in ("hop", "gate", "reader", "embedder"):
        for path in files(f"rag/train/{training}"):
            others = {m for m in imports(path) if m.startswith("rag.train.")}
            allowed = ("rag.train.common", f"rag.train.{training}")
            assert all(m.startswith(allowed) for m in others), path.relative_to(ROOT)
    for path in files("rag/train/common"):
        assert all(m.startswith("rag.train.common") for m in imports(path) if m.startswith("rag.train.")), path.name
