"""What is installed: the base runs the default pipeline, and what an extra brings is asked for by its line."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag.cli import app
from rag.errors import MissingExtra
from rag.registry import BUILTIN, EXTRAS, find
from rag_evals.cli import app as evals

ROOT = Path(__file__).parent.parent
PACKAGES = ("rag", "connectors/rag_connectors", "evals/rag_evals")
DOCUMENTS = ROOT / "examples" / "documents"
EXTRA = (
    "torch",
    "transformers",
    "sentence_transformers",
    "scipy",
    "qdrant_client",
    "tiktoken",
    "jinja2",
    "bm25s",
    "onnx",
)
QUESTION = "Until when is the laboratory accredited that tested the station's mussels?"
MODELS = 'which is not installed: pip install "raghop[models]"'
OTHER = (ROOT / "pipelines" / "default.yaml").read_text().replace("use: onnx", "use: transformers")


def rag(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize(("kind", "name"), EXTRAS)
def test_a_component_without_its_library_says_which_extra_brings_it(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra, library = EXTRAS[kind, name]
    assert name in BUILTIN[kind] and find(kind, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf'^{kind}: {name} needs {library}, .* pip install "raghop\[{extra}\]"$'):
        find(kind, name)


def test_pipelines_of_an_extra_are_listed_shown_and_when_checked_say_what_is_missing(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("torch", "qdrant_client"):
        monkeypatch.setitem(sys.modules, library, None)
    (notes / "mine.yaml").write_text(OTHER)
    assert "server" in rag("pipelines", "list").stdout
    assert "use: transformers" in rag("pipelines", "show", "mine.yaml").stdout
    assert "ok (" in rag("pipelines", "check", "default").stdout
    for name, key in (("mine.yaml", "embed"), ("server", "store")):
        error = rag("pipelines", "check", name).exception
        assert isinstance(error, MissingExtra) and f": {key}.use: " in str(error)


@pytest.mark.parametrize("name", ["hop", "gate", "reader", "embedder"])
def test_a_training_without_torch_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.startswith("rag.train.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    error = rag("train", name, "data", "--out", "x.safetensors").exception
    assert isinstance(error, MissingExtra) and str(error) == f"rag train {name} needs torch, {MODELS}"
    assert rag("train", name, "--help").exit_code == 0


def test_a_report_without_jinja2_says_what_to_install_before_anything_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.startswith("rag_evals.page")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("rag_evals.page", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for words in (("run", "smoke"), ("report", "x.json")):
        error = CliRunner().invoke(evals, [*words, "--html", "x.html"]).exception
        assert isinstance(error, MissingExtra) and str(error).endswith('pip install "raghop[eval]"')


def test_the_default_pipeline_runs_where_nothing_of_the_extras_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {EXTRA!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    for folder in ("research", "suppliers"):
        shutil.copytree(DOCUMENTS / folder, tmp_path / "documents" / folder)
    everyday([sys.executable, "-m", "rag"], tmp_path, environment)


def test_no_module_needs_what_windows_does_not_have_to_be_imported() -> None:
    for path in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {"fcntl", "resource", "pwd", "grp", "termios"} & set(names), path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_runs_in_a_clean_environment_without_the_extras(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    def pip(*words: str) -> None:
        done = run(str(python), "-m", "pip", "--disable-pip-version-check", *words)
        if done.returncode and "No matching distribution found" in done.stdout + done.stderr:
            pytest.skip(f"pip reaches no registry that has it: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr

    assert run(sys.executable, "-m", "venv", "clean").returncode == 0
    python = tmp_path / "clean" / "bin" / "python"
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", str(ROOT))
    [wheel] = (tmp_path / "dist").iterdir()
    pip("install", "--quiet", str(wheel))
    site = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    assert [name for name in EXTRA if (site / name).exists()] == []
    own = [folder for folder in site.iterdir() if not folder.name.startswith(("pip", "setuptools", "pkg_resources"))]
    files = [file for folder in own for file in (folder, *folder.rglob("*")) if file.is_file()]
    size = sum(file.stat().st_blocks * 512 for file in files) / 2**20
    assert size < 470, f"{size:.0f} MB are installed"

    shutil.copytree(DOCUMENTS, tmp_path / "documents")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    rag = everyday([str(tmp_path / "clean" / "bin" / "rag")], tmp_path, environment)
    assert "recall@5" in rag("eval", "run", "smoke", "--limit", "4").stdout.lower().replace("\n", " ")
    (tmp_path / "mine.yaml").write_text(OTHER)
    for words in (("pipelines", "check", "mine.yaml"), ("ask", QUESTION, "--pipeline", "mine.yaml")):
        assert f"embed.use: transformers needs torch, {MODELS}" in rag(*words, code=1).stderr


def everyday(
    command: list[str], folder: Path, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Ingest `documents`, ask, search, chat and check by the default pipeline; the command as a function."""

    def rag(*words: str, code: int = 0, said: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*command, *words], cwd=folder, env=environment, input=said, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done

    rag("ingest", "documents")
    answer = json.loads(rag("ask", QUESTION, "--json").stdout)
    assert "September 2028" in answer["answer"] and answer["statements"][0]["citations"]
    assert "mussels" in rag("search", "mussels").stdout
    lines = rag("chat", "--json", said=f"{QUESTION}\nWho tested the mussels?\n").stdout.splitlines()
    assert ["answer" in json.loads(line) for line in lines] == [True, True]
    rag("check")
    assert "default" in rag("pipelines", "list").stdout
    assert "use: onnx" in rag("pipelines", "show", "default").stdout
    assert "ok (" in rag("pipelines", "check", "default").stdout
    return rag
