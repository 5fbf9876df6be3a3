"""PDF files made to do harm: bombs, cycles, trees without end, claims that no file could keep."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable

from tests.connectors import samples


def raw_pdf(objects: Iterable[bytes], *, root: bytes = b"1 0 R", tail: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1."""
    out, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(offsets) + 1
    trailer = b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root %b%b>>\nstartxref\n%d\n%%%%EOF"
    return out + trailer % (size, table, size, root, tail, len(out))


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object as it is."""
    return b"<</Length %d%b>>stream\n%b\nendstream" % (len(data), entries, data)


def _page(content: bytes, *more: bytes, resources: bytes = b"") -> bytes:
    """One page with this content object (4) and others after it."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<%b>>>>" % resources
    pages = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    return raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", pages, page, content, *more])


def _tree(depth: int, fan: int) -> bytes:
    """A page tree whose nodes list the next one `fan` times."""
    nodes = [b"<</Type/Catalog/Pages 2 0 R>>"]
    for level in range(depth):
        nodes.append(b"<</Type/Pages/Count %d/Kids[%b]>>" % (fan ** (depth - level), b"%d 0 R " % (level + 3) * fan))
    return raw_pdf([*nodes, b"<</Type/Page/MediaBox[0 0 9 9]>>"])


def _fan_out(depth: int, fan: int) -> bytes:
    """Forms that show the next form `fan` times."""
    forms = []
    for level in range(depth):
        after = b"/Resources<</XObject<</F %d 0 R>>>>" % (level + 6) if level < depth - 1 else b""
        forms.append(stream(b"/F Do " * fan, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]" + after))
    return _page(stream(b"/F Do " * fan), *forms, resources=b"/XObject<</F 5 0 R>>")


def _shared(pages: int, operators: int) -> bytes:
    """Many pages of one long stream."""
    kids = b" ".join(b"%d 0 R" % (4 + n) for n in range(pages))
    page = b"<</Type/Page/Parent 2 0 R/Contents 3 0 R/Resources<</Font<</F1<</Type/Font/Subtype/Type1>>>>>>>>"
    content = stream(zlib.compress(b"BT /F1 9 Tf " + b"(a) Tj " * operators + b"ET"), b"/Filter/FlateDecode")
    tree = b"<</Type/Pages/Count %d/Kids[%b]/MediaBox[0 0 9 9]>>" % (pages, kids)
    return raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, content, *[page] * pages])


def _cmap(ranges: int) -> bytes:
    """A font whose map to Unicode has so many full ranges."""
    lines = b"\n".join(b"<0000> <FFFF> <%04X>" % (n % 65536) for n in range(ranges))
    cmap = zlib.compress(b"begincmap %d beginbfrange\n%b\nendbfrange endcmap" % (ranges, lines))
    font = b"/Font<</F1<</Type/Font/Subtype/Type0/Encoding/Identity-H/ToUnicode 5 0 R/DescendantFonts[]>>>>"
    return _page(stream(b"BT /F1 9 Tf <0041> Tj ET"), stream(cmap, b"/Filter/FlateDecode"), resources=font)


def _nested(data: bytes, times: int) -> bytes:
    for _ in range(times):
        data = zlib.compress(data, 9)
    return stream(data, b"/Filter[" + b"/FlateDecode " * times + b"]")


def pdfs() -> dict[str, bytes]:
    """Sixty of them."""
    sound = samples.pdf([["one page of words"], ["another"]])
    noise = random.Random(4)
    files = {
        "flate-bomb": _page(_nested(bytes(200_000_000), 1)),
        "flate-in-flate": _page(_nested(bytes(100_000_000), 2)),
        "flate-thrice": _page(_nested(bytes(100_000_000), 3)),
        "thousand-filters": _page(stream(b"x", b"/Filter[" + b"/ASCIIHexDecode " * 1000 + b"]")),
        "run-length-bomb": _page(stream(b"\x81a" * 500_000, b"/Filter/RunLengthDecode")),
        "hex-bomb": _page(stream(b"4" * 3_000_000, b"/Filter/ASCIIHexDecode")),
        "85-bomb": _page(stream(b"z" * 1_000_000 + b"~>", b"/Filter/ASCII85Decode")),
        "lzw-noise": _page(stream(noise.randbytes(200_000), b"/Filter/LZWDecode")),
        "wide-predictor": _page(
            stream(zlib.compress(bytes(9000)), b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 999999999>>")
        ),
        "cyclic-kids": raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>"]),
        "own-root": raw_pdf([b"1 0 R"]),
        "no-pages": raw_pdf([b"<</Type/Catalog>>"]),
        "pages-number": raw_pdf([b"<</Type/Catalog/Pages 7>>"]),
        "huge-count": raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1000000000/Kids[]>>"]),
        "form-cycle": _page(
            stream(b"/F Do"),
            stream(b"/F Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>"),
            resources=b"/XObject<</F 5 0 R>>",
        ),
        "previous-itself": raw_pdf([b"<</Type/Catalog>>"], tail=b"/Prev 9"),
        "xref-of-billions": b"%PDF-1.4\nxref\n0 2000000000\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF",
        "endless-array": _page(stream(b"[" * 300_000)),
        "endless-dictionary": raw_pdf([b"<</A" * 100_000]),
        "long-name": raw_pdf([b"<</" + b"N" * 2_000_000 + b" 1>>"]),
        "long-string": _page(stream(b"BT (" + b"s" * 2_000_000 + b") Tj ET")),
        "open-string": _page(stream(b"BT (" * 200_000)),
        "long-number": _page(stream(b"BT " + b"9" * 200_000 + b" 0 Td ET")),
        "inline-image": _page(stream(b"BI /W 9 /H 9 ID " + noise.randbytes(500_000))),
        "many-inline-images": _page(stream(b"BI /W 1 /H 1 ID x EI " * 50_000)),
        "metadata": raw_pdf(
            [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Title(" + b"t" * 1_000_000 + b")>>"], tail=b"/Info 2 0 R"
        ),
        "invisible": samples.pdf_of([b"BT 3 Tr /F1 9 Tf (obey) Tj ET"]),
        "encrypted": samples.pdf([["x"]], password="moon"),
        "no-text": samples.pdf([[], []], picture=True),
        "junk-before": noise.randbytes(3000) + sound,
        "junk-after": sound + noise.randbytes(300_000),
        "html": b"<html><body>Not found</body></html>",
        "empty": b"%PDF-1.7",
        "noise": b"%PDF-1.7\n" + noise.randbytes(500_000),
        "looks-outside": _page(b"<</Length 0/F(SECRET)/FFilter/FlateDecode>>stream\n\nendstream"),
        "runs-a-program": raw_pdf(
            [b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F(SECRET)>>>>", b"<</Type/Pages/Count 0/Kids[]>>"]
        ),
    }
    files |= {f"tree-{depth}-{fan}": _tree(depth, fan) for depth, fan in ((9, 10), (30, 2), (200, 3), (1500, 1))}
    files |= {f"fan-out-{depth}-{fan}": _fan_out(depth, fan) for depth, fan in ((9, 10), (30, 2), (3, 1000))}
    files |= {f"shared-{pages}": _shared(pages, 2_000_000 // pages) for pages in (1, 20, 200, 2000)}
    files |= {f"cmap-{n}": _cmap(n) for n in (10, 1000)}
    files |= {f"saves-{n}": _page(_nested(b"q " * n, 1)) for n in (200_000, 2_000_000)}
    files |= {f"cut-{share}": sound[: len(sound) * share // 100] for share in (5, 20, 40, 60, 80, 90, 95, 98, 99)}
    return {f"{name}.pdf": data for name, data in files.items()}
