"""Charts and diagrams (SmartArt) of Office files as lines: what is drawn from numbers and words can be read as such."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_connectors.archive import Archive, related, relations, xml
from rag_connectors.grid import row
from rag_connectors.office.formats import show_number
from rag_connectors.text import one_line

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_D = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_DSP = "{http://schemas.microsoft.com/office/drawing/2008/diagram}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_AXES = ("catAx", "valAx", "dateAx", "serAx")
_CHARTS = frozenset([f"{_C}chart", f"{_CX}chart"])


def drawn(archive: Archive, part: str, node: Element) -> Iterator[str]:
    """The lines of every chart and diagram that stands inside `node` of a part."""
    found = [one for one in node.iter() if one.tag in _CHARTS or one.tag == f"{_D}relIds"]
    targets = relations(archive, part) if found else {}
    for one in found:
        target = targets.get(one.get(f"{_R}id") or one.get(f"{_R}dm") or "", ("", ""))[1]
        root = xml(archive, target)
        if root is not None:
            yield from diagram(root) if one.tag == f"{_D}relIds" else chart(root)
        elif one.tag == f"{_D}relIds":  # as it was drawn last
            for drawing in related(archive, part, "diagramDrawing"):
                shapes = xml(archive, drawing)
                bodies = shapes.iter(f"{_DSP}txBody") if shapes is not None else ()
                yield from (f"- {text}" for body in bodies if (text := _words(body)))


def chart(root: Element) -> Iterator[str]:
    """Title and axes, then a row for each category with the value of each series."""
    if root.tag.startswith(_CX):
        yield from _extended(root)
        return
    title = root.find(f"{_C}chart/{_C}title")
    axes = [_words(axis.find(f"{_C}title")) for name in _AXES for axis in root.iter(f"{_C}{name}")]
    series = list(root.iter(f"{_C}ser"))
    names = [_words(one.find(f"{_C}tx")) for one in series]
    heading = _words(title) if title is not None else ""
    yield from filter(None, [heading, *axes])
    rows: dict[str, list[str]] = {}
    for at, one in enumerate(series):
        labels = _points(one.find(f"{_C}cat"), one.find(f"{_C}xVal"))
        values = _points(one.find(f"{_C}val"), one.find(f"{_C}yVal"))
        sizes = _points(one.find(f"{_C}bubbleSize"))
        for i in sorted({*values, *(labels if not at else ())}):
            said = " ".join(filter(None, (values.get(i, ""), f"({sizes[i]})" if i in sizes else "")))
            place = f"{i} {labels.get(i, '')}"
            rows.setdefault(place, ["" for _ in series])[at] = said
    if any(names):
        yield row(["", *names])
    for place in sorted(rows, key=lambda place: int(place.partition(" ")[0])):
        yield row([place.partition(" ")[2], *rows[place]])
    yield from filter(None, (_words(label.find(f"{_C}tx")) for label in root.iter(f"{_C}dLbl")))


def _words(node: Element | None) -> str:
    """Rich text, or the stored text of a reference."""
    if node is None:
        return ""
    rich = ["".join(text.text or "" for text in paragraph.iter(f"{A}t")) for paragraph in node.iter(f"{A}p")]
    return one_line(" ".join(rich) or " ".join(value.text or "" for value in node.iter(f"{_C}v")))


def _points(*nodes: Element | None) -> dict[int, str]:
    """Index -> text of the stored points; of categories in several levels, from the outermost to the innermost."""
    found: dict[int, str] = {}
    node = next((node for node in nodes if node is not None), None)
    if node is None:
        return found
    levels = list(node.iter(f"{_C}lvl"))
    if levels:
        return _levels([{_index(point): _value(point) for point in level.iter(f"{_C}pt")} for level in levels])
    for cache in node.iter():
        if cache.tag in (f"{_C}strCache", f"{_C}numCache", f"{_C}strLit", f"{_C}numLit"):
            shape = cache.findtext(f"{_C}formatCode") or ""
            for point in cache.findall(f"{_C}pt"):
                said = _value(point)
                own = point.get("formatCode") or shape
                found[_index(point)] = show_number(said, own) if cache.tag.startswith(f"{_C}num") else said
    return found


def _levels(levels: list[dict[int, str]]) -> dict[int, str]:
    found: dict[int, str] = {}
    for i in levels[0]:
        outer = [next((level[j] for j in sorted(level, reverse=True) if j <= i), "") for level in reversed(levels[1:])]
        found[i] = " ".join(filter(None, [*outer, levels[0][i]]))
    return found


def _index(point: Element) -> int:
    text = point.get("idx", "0")
    return int(text) if text.isdecimal() else 0


def _value(point: Element) -> str:
    return one_line(point.findtext(f"{_C}v") or "")


def _extended(root: Element) -> Iterator[str]:
    """Charts of newer kinds (waterfall, tree map): titles, and the points of each dimension side by side."""
    for title in root.iter(f"{_CX}title"):
        yield one_line(" ".join([*(text.text or "" for text in title.iter(f"{A}t")), *_texts(title, "v")][:50]))
    for data in root.iter(f"{_CX}data"):
        columns = [
            [point.text or "" for point in level.iter(f"{_CX}pt")]
            for dimension in data
            for level in reversed(list(dimension.iter(f"{_CX}lvl")))
        ]
        for i in range(max(map(len, columns), default=0)):
            yield row([one_line(column[i]) if i < len(column) else "" for column in columns])


def _texts(node: Element, name: str) -> Iterator[str]:
    if not any(True for _ in node.iter(f"{A}t")):
        yield from (found.text or "" for found in node.iter(f"{_CX}{name}"))


def diagram(root: Element) -> Iterator[str]:
    """The texts of a diagram's points, each below the one it belongs to."""
    points = {point.get("modelId", ""): point for point in root.iter(f"{_D}pt")}
    inner: dict[str, list[tuple[int, str]]] = {}
    for link in root.iter(f"{_D}cxn"):
        if link.get("type", "parOf") == "parOf":
            order = link.get("srcOrd", "0")
            target = link.get("destId", "")
            inner.setdefault(link.get("srcId", ""), []).append((int(order) if order.isdecimal() else 0, target))
    targets = {target for links in inner.values() for _, target in links}
    stack = [(name, 0) for name in reversed([name for name in points if name not in targets])]
    seen: set[str] = set()
    while stack:
        name, depth = stack.pop()
        if name in seen or name not in points:
            continue
        seen.add(name)
        point = points[name]
        body = point.find(f"{_D}t") if point.get("type", "node") in ("node", "asst", "doc") else None
        text = (
            one_line(" ".join("".join(t.text or "" for t in p.iter(f"{A}t")) for p in body.iter(f"{A}p")))
            if body is not None
            else ""
        )
        if text:
            yield f"{'  ' * min(max(depth - 1, 0), 8)}- {text}"
        stack.extend((target, depth + 1) for _, target in sorted(inner.get(name, ()), reverse=True))
