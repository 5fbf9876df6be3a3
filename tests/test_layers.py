"""Who may import whom, where libraries live, and what a light command may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room imports only rooms of the lines above its own, and itself. `rag/name.py` and `rag/name/` are both a room.
LAYERS = (
    "types errors",
    "stages text cache interrupt",
    "llm models",
    "reader",
    "chunk embed store retrieve hop rerank generate answer index",
    "registry",
    "config",
    "ingest explore",
    "walk",
    "graph",
    "explain",
    "pipeline",
    "pool conversation maintain",
    "train testing serve",
    "cli",
)
RANK = {room: rank for rank, line in enumerate(LAYERS) for room in line.split()}
STAGES = {"chunk", "embed", "store", "retrieve", "hop", "rerank", "generate"}
CONNECTORS_SEE = {"types", "stages", "errors", "text"}
EVALS_SEE = CONNECTORS_SEE | {"cache", "config", "registry", "pipeline", "cli"}
COMMANDS_SEE = ("rag.cli.terminal", "rag.cli.options")  # what commands share: `rag eval` is one
ONLY_IN = {
    "langgraph": ("rag/graph.py",),
    "qdrant_client": ("rag/store/",),
    "qdrant_edge": ("rag/store/",),
    "torch": ("rag/models/", "rag/train/"),
    "transformers": ("rag/models/", "rag/train/"),
    "onnxruntime": ("rag/models/",),
    "distributed": ("rag/ingest/executors/",),
    "ray": ("rag/ingest/executors/",),
}
HEAVY = {"torch", "transformers", "langgraph", "qdrant_client", "qdrant_edge", "onnxruntime", "numpy"}


@cache
def imports(path: Path) -> frozenset[str]:
    """Modules that a file imports anywhere (`if TYPE_CHECKING` blocks too); `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: relative imports hide where things come from"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def room(path: Path) -> str:
    """The room of rag/ that a file is in."""
    first = path.relative_to(ROOT / "rag").parts[0]
    return first.removesuffix(".py")


def rooms_of(path: Path) -> set[str]:
    """The rooms of rag/ that a file imports from."""
    return {module.split(".")[1] for module in imports(path) if module.startswith("rag.")} & RANK.keys()


def test_every_room_stands_in_the_order_of_layers() -> None:
    entrances = {"__init__", "__main__"}
    assert {room(path) for path in files("rag")} == {*RANK, *entrances}


def test_a_room_imports_only_what_stands_above_it() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in files("rag")
        if room(path) in RANK
        for other in rooms_of(path)
        if other != room(path) and RANK[other] >= RANK[room(path)]
    ]
    assert not wrong, "\n".join(wrong)


def test_stages_know_nothing_of_the_index_and_of_answers() -> None:
    for path in files("rag"):
        if room(path) in STAGES:
            assert not rooms_of(path) & {"answer", "index", "registry", "config"}, path


def test_trainings_share_by_common_alone() -> None:
    trainings = {path.name for path in (ROOT / "rag" / "train").iterdir() if path.is_dir()} - {"common", "__pycache__"}
    for training in trainings:
        for path in files(f"rag/train/{training}"):
            seen = {module.split(".")[2] for module in imports(path) if module.startswith("rag.train.")}
            assert not seen & (trainings - {training}), path


def test_connectors_and_evals_use_only_the_public_side() -> None:
    for path in files("connectors"):
        assert rooms_of(path) <= CONNECTORS_SEE, path
    for path in files("evals"):
        assert rooms_of(path) <= EVALS_SEE, path
        assert all(m.startswith(COMMANDS_SEE) for m in imports(path) if m.startswith("rag.cli.")), path
    for path in files("rag"):
        assert not any(m.split(".")[0] in {"rag_connectors", "rag_evals"} for m in imports(path)), path


@pytest.mark.parametrize("library", ONLY_IN)
def test_each_engine_has_one_home(library: str) -> None:
    for path in files("rag") + files("connectors") + files("evals"):
        if any(m.split(".")[0] == library for m in imports(path)):
            assert path.relative_to(ROOT).as_posix().startswith(ONLY_IN[library]), path


def test_the_front_shelf_is_short() -> None:
    assert len(list((ROOT / "rag").glob("*.py"))) <= 15


def test_no_two_public_classes_share_a_name() -> None:
    places = defaultdict(list)
    for path in files("rag") + files("connectors") + files("evals"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(ROOT).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("command", [["--help"], ["ask", "--help"], ["ingest", "--help"], ["pipelines", "--help"]])
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom rag.cli import run\nsys.argv = ['rag', *sys.argv[1:]]\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', sorted({HEAVY!r} & {{m.split('.')[0] for m in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_an_answer_without_a_language_model_loads_no_graph_engine(notes: Path) -> None:
    code = (
        "import sys\nfrom rag import Pipeline\nimport rag.explain\n"
        "with Pipeline.load('tiny.yaml') as pipeline:\n"
        "    pipeline.ingest(['docs'])\n"
        "    assert pipeline.search('router') and pipeline.ask('router').citations\n"
        "print({'langgraph', 'langchain_core', 'langsmith'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_nothing_prints_outside_the_command_line() -> None:
    for path in files("rag") + files("connectors"):
        if "cli" not in path.parts:
            calls = {
                node.func.id
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert "print" not in calls, path
