"""Results as one HTML file that needs nothing else: tables, plots, and a browser of the questions, worst first.

The file fetches nothing, and its content policy would not let it. Texts are escaped where they enter: by the template
engine in HTML, by the XML library in drawings, as JSON without `<` in the data that the script shows as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from rag import __version__
from rag.cli.terminal import clean
from rag.errors import InputError
from rag_evals import report, results
from rag_evals.page.charts import Series, charts
from rag_evals.page.svg import SERIES

OVERVIEW = ("recall", "all_gold", "ndcg", "answer_contains", "answer_f1", "citation_recall", "aurc")
SORTED_BY = (*OVERVIEW[:-1], "mrr", "false_answer_rate")  # what a question can lose on

_SPELLED = {"ndcg": "nDCG", "mrr": "MRR", "map": "MAP", "aurc": "AURC", "auroc": "AUROC", "em": "EM", "f1": "F1"}
_SHORT = re.compile(rf"\b({'|'.join(_SPELLED)})\b")

Run = Mapping[str, Any]


def write(path: Path, runs: Sequence[Run]) -> None:
    """Write the report of these runs. Raises InputError when the file cannot be written."""
    try:
        path.touch(0o600)
        path.write_text(render(runs), encoding="utf-8", errors="xmlcharrefreplace")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from error


def render(runs: Sequence[Run]) -> str:
    """The report of runs as `measure.summary` gives them. Runs without plots or detail get what they have."""
    names = list(dict.fromkeys(str(run["pipeline"]) for run in runs))
    series = [Series(names.index(run["pipeline"]), _short(str(run["pipeline"])), run) for run in runs]
    datasets = [
        _dataset(number, dataset, [one for one in series if one.run["dataset"] == dataset])
        for number, (dataset, _) in enumerate(report.by_dataset(runs))
    ]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["tidy"] = _tidy
    return environment.from_string(_part("page.html")).render(
        version=__version__,
        pipelines=[_short(name) for name in names],
        datasets=datasets,
        metrics=_firsts([metric for run in runs for metric in run["metrics"]], OVERVIEW),
        lower=results.LOWER_IS_BETTER,
        style=Markup(_part("page.css")),
        script=Markup(_part("page.js")),
        data=Markup(_json(_data(runs))),
    )


def _dataset(number: int, name: str, series: Sequence[Series]) -> dict[str, Any]:
    runs = [one.run for one in series]
    return {
        "id": f"d{number}",
        "name": name,
        "n": max(run["n"] for run in runs),
        "series": [{"name": one.name, "style": f"s{one.number % SERIES}", "run": one.run} for one in series],
        "verdicts": [item.verdict for run in runs[1:] for item in results.judge(runs[0], run)],
        "charts": [(chart, Markup(clean(chart.svg))) for chart in charts(series, f"d{number}")],
        "sections": [section for section in report.sections(runs) if section],
    }


def _data(runs: Sequence[Run]) -> dict[str, Any]:
    """What the script shows: the questions of every run with their values, and each passage once."""
    passages: dict[tuple[str, str], int] = {}
    shown = []
    for run in runs:
        if detail := run.get("detail"):
            places = [passages.setdefault((title, text), len(passages)) for title, text in detail["passages"]]
            values = run["questions"]
            shown.append(
                {
                    "dataset": run["dataset"],
                    "pipeline": _short(str(run["pipeline"])),
                    "ids": values["id"],
                    "values": {name: values[name] for name in _firsts(list(values), SORTED_BY)},
                    "places": places,
                    "questions": detail["questions"],
                }
            )
    metrics = _firsts([name for run in shown for name in run["values"]], SORTED_BY)
    lower = [name for name in metrics if name in results.LOWER_IS_BETTER]
    labels = {name: _tidy(name) for name in metrics}
    return {"passages": list(passages), "runs": shown, "metrics": metrics, "lower": lower, "labels": labels}


def _firsts(names: Sequence[str], families: Sequence[str]) -> list[str]:
    """The first name of each family, as `recall@5` is one of `recall`."""
    firsts = (next((name for name in names if name.partition("@")[0] == family), None) for family in families)
    return [name for name in firsts if name is not None]


def _json(data: Any) -> str:
    """JSON that can stand in a script element: ASCII, and no `<` that could end it."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _part(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


def _short(pipeline: str) -> str:
    """A shipped pipeline's name, or the name of its file."""
    return PurePath(pipeline).stem if PurePath(pipeline).suffix in (".yaml", ".yml") else pipeline


def _tidy(name: str) -> str:
    """A metric's name for reading."""
    return _SHORT.sub(lambda match: _SPELLED[match[0]], name.replace("_", " "))
