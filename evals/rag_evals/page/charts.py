"""The four plots of a report, each with the same numbers as a table: a picture is never the only way to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_evals.page.svg import LINE, WIDTH, Drawing, Scale, apart, decades, steps, ticks

LEFT, TOP, BOTTOM, LABELS = 38, 30, 236, 96  # pixels; labels stand right of the curves
WIDEST = 15  # characters of a label
BAR = 46  # from one bar to the next


@dataclass(frozen=True, slots=True)
class Series:
    """A run with its number on the page, which gives its colour, and its short name."""

    number: int
    name: str
    run: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The name cut to fit beside a curve."""
        return self.name if len(self.name) <= WIDEST else f"{self.name[: WIDEST - 1]}…"


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot: its title, what it says, the drawing, and its numbers; a legend where marks cannot bear their names."""

    title: str
    note: str
    svg: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    legend: Sequence[tuple[str, str]] = ()  # class, name


def charts(series: Sequence[Series], id: str) -> Iterator[Chart]:
    """The plots that the runs of a dataset have the facts for."""
    for name, draw in (("k", recall_by_k), ("ms", recall_by_time), ("hops", hop_funnel), ("risk", risk_by_coverage)):
        if (chart := draw(series, f"{id}-{name}")) is not None:
            yield chart


def recall_by_k(series: Sequence[Series], id: str) -> Chart | None:
    """Recall at 1, 2, 3, ... with a band for the interval."""
    curves = [(one, points) for one in series if (points := _plot(one, "recall"))]
    deepest = max((points[-1]["k"] for _, points in curves), default=0)
    if deepest < 2:
        return None
    drawing = Drawing(id, "Recall against k", "Share of the gold among the first k passages. The numbers are below.")
    x = Scale(1, deepest, LEFT, WIDTH - LABELS, log=deepest > 20)
    y, ys = _shares([point[end] for _, points in curves for point in points for end in ("low", "high")])
    marked = [k for k in (1, 2, 3, 5, 10, 20, 50, 100, 200) if k <= deepest * 0.8] + [deepest]
    drawing.axes(x, y, ticks(marked), ticks(ys, _decimals(ys)), names=("k passages", "recall"))
    for one, points in curves:
        low = [(x(p["k"]), y(p["low"])) for p in points]
        drawing.path(
            [*((x(p["k"]), y(p["high"])) for p in points), *reversed(low)], f"band s{one.number % 6}", close=True
        )
    for one, points in curves:
        drawing.path([(x(p["k"]), y(p["value"])) for p in points], f"curve s{one.number % 6}")
        for p in points:
            if p["k"] in marked:
                drawing.mark(one.number, x(p["k"]), y(p["value"]))
    _name(drawing, [(one, x.end + 10, y(points[-1]["value"])) for one, points in curves])
    rows = [[one.name, f"{p['k']}", _figure(p)] for one, points in curves for p in points]
    note = "Share of the gold found among the first k passages; bands are 95% intervals."
    return Chart("Recall against k", note, str(drawing), ("pipeline", "k", "recall"), rows)


def recall_by_time(series: Sequence[Series], id: str) -> Chart | None:
    """Recall at the first cut-off against the median time of a search."""
    metric = next((name for one in series for name in one.run["metrics"] if name.startswith("recall@")), "")
    points = [
        (one, {**found, "p50": times["search_p50"] * 1000, "p95": times["search_p95"] * 1000})
        for one in series
        if (found := one.run["metrics"].get(metric)) and (times := one.run["seconds"]).get("search_p50")
    ]
    if not points:
        return None
    drawing = Drawing(
        id, f"{metric.capitalize()} against latency", "Each pipeline's recall and search time. The numbers are below."
    )
    marked = decades(min(p["p50"] for _, p in points) / 1.1, max(p["p95"] for _, p in points))
    x = Scale(marked[0], marked[-1], LEFT, WIDTH - 14, log=True)
    y, ys = _shares([p[end] for _, p in points for end in ("low", "high")])
    drawing.axes(x, y, ticks(marked), ticks(ys, _decimals(ys)), names=("milliseconds a search", metric))
    for one, p in points:
        drawing.line(x(p["p50"]), y(p["value"]), x(p["p95"]), y(p["value"]), f"tail s{one.number % 6}")
        drawing.whisker(one.number, x(p["p50"]), y(p["low"]), y(p["high"]))
        drawing.mark(one.number, x(p["p50"]), y(p["value"]))
    _name(drawing, [(one, x(p["p50"]) + 9, y(p["value"]) - 9) for one, p in points])
    rows = [[one.name, _figure(p), f"{p['p50']:,.1f}", f"{p['p95']:,.1f}"] for one, p in points]
    note = "Marks stand at the median time, thin lines reach to the 95th percentile; whiskers are 95% intervals."
    return Chart(
        f"{metric.capitalize()} against latency", note, str(drawing), ("pipeline", metric, "p50, ms", "p95, ms"), rows
    )


def hop_funnel(series: Sequence[Series], id: str) -> Chart | None:
    """Where the gold was found, and where it was lost, as a bar for each pipeline."""
    bars = [(one, parts) for one in series if (parts := _plot(one, "funnel"))]
    if not bars:
        return None
    k, hops = bars[0][1]["k"], max(len(parts["kept"]) for _, parts in bars)
    kinds = [
        *((f"h{min(hop, 3)}", "found directly" if hop == 0 else f"found at hop {hop}") for hop in range(hops)),
        ("below", f"in the tree, not in the first {k}"),
        ("missing", "not found"),
    ]
    height = TOP + BAR * len(bars) + 24
    drawing = Drawing(id, "Hop funnel", "Where the gold was found or lost. The numbers are below.", height=height)
    x = Scale(0, 1, 0, WIDTH)
    for place, (one, parts) in enumerate(bars):
        top, at = TOP - 10 + place * BAR, 0.0
        drawing.text(0, top, one.name, "label")
        kept = [*parts["kept"], *[0.0] * (hops - len(parts["kept"]))]
        for (style, _), share in zip(kinds, [*kept, sum(parts["below"]), parts["missing"]], strict=True):
            drawing.bar(x(at), top + 6, x(share), 20, f"part {style}")
            if share >= 0.075:
                drawing.text(x(at + share / 2), top + 20, f"{share:.0%}", f"in-{style}", anchor="middle")
            at += share
    bottom = height - 34
    drawing.line(0, bottom, WIDTH, bottom, "axis")
    for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end")):
        drawing.text(x(share), bottom + 17, f"{share:.0%}", "tick", anchor=anchor)
    rows = [
        [
            one.name,
            *(_split(parts, hop) for hop in range(hops)),
            f"{sum(parts['below']):.1%}",
            f"{parts['missing']:.1%}",
        ]
        for one, parts in bars
    ]
    columns = ["pipeline", *(f"hop {hop}: kept + below" for hop in range(hops)), "below, together", "not found"]
    note = f"Of a question's gold, on average: what the first {k} passages hold, by hop, and what they do not."
    return Chart("Hop funnel", note, str(drawing), columns, rows, kinds)


def risk_by_coverage(series: Sequence[Series], id: str) -> Chart | None:
    """The share of wrong answers among the most confident ones."""
    curves = [(one, risk) for one in series if (risk := _plot(one, "risk"))]
    if not curves:
        return None
    drawing = Drawing(id, "Risk against coverage", "Wrong answers among the most confident. The numbers are below.")
    x = Scale(0, 1, LEFT, WIDTH - LABELS)
    top = max(risk["high"] for _, risk in curves)
    y, ys = _shares([0, max(top, *(r for _, risk in curves for _, r in risk["points"]))])
    across = ticks([0, 0.25, 0.5, 0.75, 1], "{:.0%}".format)
    drawing.axes(x, y, across, ticks(ys, "{:.0%}".format), names=("of the questions answered", "wrong"))
    for one, risk in curves:
        drawing.path([(x(c), y(r)) for c, r in risk["points"]], f"curve s{one.number % 6}")
    # ends side by side, since many end at the same coverage
    ends = apart([x(risk["coverage"]) for _, risk in curves], gap=8, low=x.start, high=x.end + 8 * len(curves))
    for (one, risk), end in zip(curves, ends, strict=True):
        drawing.whisker(one.number, end, y(risk["low"]), y(risk["high"]))
        drawing.mark(one.number, end, y(risk["risk"]))
    _name(drawing, [(one, max(ends) + 10, y(risk["risk"])) for one, risk in curves])
    rows = [
        [
            one.name,
            f"{share:.0%}",
            f"{risk['risk']:.1%} [{risk['low']:.1%}, {risk['high']:.1%}]" if last else f"{at:.1%}",
        ]
        for one, risk in curves
        for share, at, last in _quarters(risk)
    ]
    note = (
        "Wrong: no gold answer stands in what was said, or there is none. From the most confident answers on the left "
        "to all that were given, equal confidence together; whiskers are 95% intervals of all."
    )
    return Chart("Risk against coverage", note, str(drawing), ("pipeline", "answered", "wrong"), rows)


def _plot(one: Series, name: str) -> Any:
    return one.run.get("plots", {}).get(name)


def _quarters(risk: Mapping[str, Any]) -> Iterator[tuple[float, float, bool]]:
    """(coverage, risk, whether it is the last) near each tenth of the questions, and at the end."""
    for tenth in range(1, 10):
        point = next((p for p in risk["points"] if p[0] >= tenth / 10), None)
        if point is not None and point[0] < min(risk["coverage"], (tenth + 1) / 10):
            yield point[0], point[1], False
    yield risk["coverage"], risk["risk"], True


def _split(parts: Mapping[str, Any], hop: int) -> str:
    kept, below = (f"{parts[part][hop]:.1%}" if hop < len(parts[part]) else "-" for part in ("kept", "below"))
    return f"{kept} + {below}"


def _shares(values: Sequence[float]) -> tuple[Scale, list[float]]:
    """A scale for shares that holds these values, at least a fifth high, and where to mark it."""
    low, high = min(values), max(values)
    low, high = max(0.0, min(low, high - 0.2)), min(1.0, max(high, low + 0.2))
    marked = [value for value in steps(low, high) if -1e-9 <= value <= 1 + 1e-9]
    return Scale(marked[0], marked[-1], BOTTOM, TOP), marked


def _decimals(values: Sequence[float]) -> Callable[[float], str]:
    """One decimal where that tells the values apart, else two."""
    return "{:.1f}".format if all(round(value, 1) == value for value in values) else "{:.2f}".format


def _name(drawing: Drawing, wanted: Sequence[tuple[Series, float, float]]) -> None:
    """Write each series' name by its point; names stay apart, and those that would not fit end left of it."""
    places = apart([y for _, _, y in wanted], gap=LINE, low=TOP - 14, high=BOTTOM - 6)
    for (one, x, _), y in zip(wanted, places, strict=True):
        fits = x + 6.6 * len(one.label) <= WIDTH
        drawing.text(
            x if fits else x - 18, y + 4, one.label, f"label s{one.number % 6}", anchor="start" if fits else "end"
        )


def _figure(found: Mapping[str, float]) -> str:
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
