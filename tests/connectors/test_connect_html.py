"""Pages and books: nothing that a reader sees is left out, tables and formulas say what they say on the page."""

from __future__ import annotations

import json

import pytest

from rag_connectors.outcome import outcome_of, sniff
from rag_connectors.parsed import ParseOptions
from tests.connectors import samples

FILLER = "<p>" + "A paragraph about the yard and its opening hours, which goes on for a while. " * 5 + "</p>"
MATH = "http://www.w3.org/1998/Math/MathML"


def text_of(page: str | bytes, name: str = "p.html") -> str:
    data = page.encode() if isinstance(page, str) else page
    result = outcome_of(data, name, ParseOptions(), sniff(data, name), "")
    assert (result.status, result.reason) == ("ok", "")
    return "\n".join(record.text for record in result.records)


@pytest.mark.parametrize(
    "page",
    [
        "<form><h1>Winch</h1><p>The limit is 750 kg.</p><input type=submit value=Go></form>",
        f"<main><h1>Winch</h1>{FILLER}<aside class=warning>The limit is 750 kg.</aside></main>",
        f"<main><h1>Winch</h1>{FILLER}</main><aside>Note: The limit is 750 kg.</aside>",
        f"<main>{FILLER}</main><div class=warning>The limit is 750 kg.</div>",
        f"<div role=alert>The limit is 750 kg.</div><main>{FILLER}</main>",
        f"<main>{FILLER}</main><section role=complementary>Limit: The limit is 750 kg.</section>",
        f"<article>{FILLER}</article><h2>Winch</h2><p>The limit is 750 kg.</p>",
        f"<article>{FILLER}</article><article>The limit is 750 kg.</article>",
        f"<main>{FILLER}</main><main hidden id=m></main><p>The limit is 750 kg.</p>",
        "<details><summary>How much?</summary>The limit is 750 kg.</details>",
        "<h3><button aria-controls=a>How much?</button></h3><div id=a hidden>The limit is 750 kg.</div>",
        "<button data-bs-target='#a'>How much?</button><div id=a style='display:none'>The limit is 750 kg.</div>",
        "<div class=faq-answer style='display: none'>The limit is 750 kg.</div>",
        "<button>How much?</button>\n<div hidden>The limit is 750 kg.</div>",
        "<h3 class=toggle>How much?</h3><div style='visibility:hidden'>The limit is 750 kg.</div>",
        "<dialog open>The limit is 750 kg.</dialog>",
        "<a href='#t2'>Two</a><div role=tabpanel id=t2 hidden><p>The limit is 750 kg.</p></div>",
        "<h1>W</h1><nav><p>How the site works: The limit is 750 kg. Ask the harbour master before use.</p></nav>",
        f"<article>{FILLER}<footer><p>Sources and limits: The limit is 750 kg. Written by Ana.</p></footer></article>",
        "<table><tr><td><h1>Winch</h1><p>The limit is 750 kg.</p></td></tr></table>",
        "<header><h1>Winch</h1><p>The limit is 750 kg.</p></header><p>More.</p>",
        "<script src='a.js'/><p>The limit is 750 kg.</p>",
        f"<main>{FILLER}</main><footer><h2>Limits</h2><p>The limit is 750 kg.</p><p>© 2024 Yard</p></footer>",
        "<p><![CDATA[The limit is 750 kg.]]></p>",
        "<textarea>The limit is 750 kg.</textarea>",
        "<main><p>" + "<a href=/>A page of links that is the page</a> " * 9 + "</p><p>The limit is 750 kg.</p></main>",
        "<form>Limit<input name=k value='The limit is 750 kg.'></form>",
        "<select><option>No<option selected>The limit is 750 kg.</select>",
        "<p>See</p><iframe srcdoc='<p>The limit is 750 kg.</p>'></iframe>",
        "<svg><text>The limit is 750 kg.</text><path d='M0'/></svg>",
        "<p>The plate: <img src=a.png alt='The limit is 750 kg.'></p>",
        "<blockquote>So it is.<footer>The limit is 750 kg.</footer></blockquote>",
        "<noscript>The limit is 750 kg.</noscript><script>x()</script>",
        "<object data=a.swf>The limit is 750 kg.</object>",
        "<div role=menu><a href=/>Home</a><p>How to lift with the crane: The limit is 750 kg.</p></div>",
        "<form role=search><h1>Found</h1><p>The limit is 750 kg.</p></form>",
        "<button>How much?</button><div><div hidden>The limit is 750 kg.</div></div>",
        f"<main>{FILLER}</main><div role=contentinfo><p>The limit is 750 kg.</p></div>",
        f"<main>{FILLER}</main><article><footer>The limit is 750 kg.</footer>Bo</article>",
        f"<main>{FILLER}<div role=dialog aria-modal=false><h3>Warning</h3>The limit is 750 kg.</div></main>",
        "<div role=alertdialog><p>The limit is 750 kg.</p><button>OK</button></div><p>More.</p>",
        f"<main>{FILLER}<aside><a href=/a>The limit is 750 kg.</a></aside></main>",
        "<fieldset><legend>Limits</legend><label>The limit is 750 kg.<input></label></fieldset>",
    ],
)
def test_text_stays_wherever_it_stands(page: str) -> None:
    assert "The limit is 750 kg." in text_of(f"<html><body>{page}</body></html>")


@pytest.mark.parametrize(
    "page",
    [
        "<nav><ul><li><a href=/>gone</a><li><a href=/b>Products and services of the yard</a></ul></nav>",
        "<div class=sidebar><ul><li><a href=/a>gone</a></ul><a href=/b>Other pages</a></div>",
        "<aside><h2>Related</h2><a href=/a>gone with all the other links</a></aside>",
        "<footer>© 2024 gone</footer>",
        "<header>gone Inc.</header>",
        "<p style='display:none'>gone</p>",
        "<div hidden>gone</div>",
        "<dialog>gone</dialog>",
        "<dialog open><p>We use cookies, gone with your consent.</p><button>Accept</button></dialog>",
        "<div role=dialog><p>gone: subscribe to our newsletter.</p></div>",
        "<div role=dialog class='modal fade' aria-hidden=true><p>Shall the file be gone for ever?</p></div>",
        "<div role=dialog><label>Name<input></label> gone</div>",
        "<h2>Rope<a class=headerlink href='#rope'>¶</a></h2><button>gone</button>",
        "<button>gone</button>",
        "<div role=menu>" + "<div role=menuitem>gone with the command</div>" * 5 + "</div>",
        "<select><option>gone</select>",
        "<script>gone</script><style>gone</style><template>gone</template>",
    ],
)
def test_furniture_and_what_is_hidden_go(page: str) -> None:
    assert "gone" not in text_of(f"<body><main><h1>Winch</h1>{FILLER}</main>{page}</body>")


def test_a_table_in_a_table_keeps_its_rows() -> None:
    inner = "<table><tr><th>Item</th><th>Qty</th></tr><tr><td>Rope</td><td>3</td></tr></table>"
    page = f"<table><tr><td><p>Your order ships on Monday.</p>{inner}</td></tr></table>"
    assert text_of(page) == "Your order ships on Monday.\n\nItem | Qty\nRope | 3"


def test_questions_that_only_search_engines_are_told_are_read_once() -> None:
    told = [("How heavy?", "<p>At most <b>750</b> kg.</p>"), ("Who lifts?", "The harbour master.")]
    asked = [{"name": name, "acceptedAnswer": {"@type": "Answer", "text": text}} for name, text in told]
    data = json.dumps({"@graph": [{"@type": ["FAQPage"], "mainEntity": asked}]})
    head = (
        f"<head><script type='application/ld+json'>{data}</script><script type='application/ld+json'>{{</script></head>"
    )
    text = text_of(f"{head}<body><h3>Who lifts?</h3><p>The harbour master.</p></body>")
    assert text == "Who lifts?\n\nThe harbour master.\n\nHow heavy?\nAt most 750 kg."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>6</sup> bolts", "10^6 bolts"),
        ("2<sup>-3</sup>", "2^-3"),
        ("x<sup>n+1</sup>", "x^(n+1)"),
        ("5 m<sup>2</sup>", "5 m²"),
        ("(a+b)<sup>2</sup>", "(a+b)^2"),
        ("<b>€<i>1,299</i><sup>00</sup></b>", "€1,299.00"),
        ("Rope <a href='#rope'>¶</a> and <a href='#c'>C#</a>", "Rope and C#"),
        ("the 1<sup>st</sup> of May", "the 1st of May"),
        ("750 kg<sup><a href='#f1'>1</a></sup>", "750 kg[1]"),
        ("750 kg<a href='#f1'><sup>1</sup></a>.", "750 kg[1]."),
        ("750 kg<sup>1)</sup>", "750 kg[1]"),
        ("in 1998<sup>1 2</sup>", "in 1998[1 2]"),
        ("10<span style='vertical-align: super'>6</span> in 2024<span class=sup>3</span>", "10^6 in 2024^3"),
        ("H<sub>2</sub>O", "H2O"),
        ("log<sub>2</sub>8", "log_2 8"),
        (
            r"so <script type='math/tex'>\sigma=4.2F</script> at <img class=tex alt='a=b' src=x>",
            r"so \sigma=4.2F at a=b",
        ),
        ("101<sub>2</sub>", "101_2"),
        ("a&shy;b, c\u200bd", "ab, cd"),
        ("lifts <del>800</del> <ins>750</ins> kg", "lifts 750 kg"),
        ("lifts <ins>750</ins><del>800</del> kg", "lifts 750 kg"),
        ("lifts <del>800</del> 750, <s>900</s> kg", "lifts ~~800~~ 750, ~~900~~ kg"),
        ("<span style='text-decoration: line-through'>8</span> 7", "~~8~~ 7"),
        ("<ol start=3><li>Term<li>Rent</ol>", "3. Term\n4. Rent"),
        ("<ol type=a><li>Term<li value=4>Rent</ol>", "a. Term\nd. Rent"),
    ],
)
def test_inline_markup(markup: str, text: str) -> None:
    assert text_of(f"<p>{markup}</p>") == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<mi>σ</mi><mo>=</mo><mfrac><mi>F</mi><mi>A</mi></mfrac>", "σ = F/A"),
        ("<mn>4.2</mn><mo>&#x2062;</mo><msup><mi>x</mi><mn>2</mn></msup>", "4.2x^2"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "∛x"),
        ("<msqrt><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow></msqrt>", "√(x + 1)"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", "∑_(i = 1)^n"),
        (
            "<semantics><mrow><mi>a</mi><mo>≤</mo><mi>b</mi></mrow><annotation>a \\le b</annotation></semantics>",
            "a ≤ b",
        ),
        ("<semantics><annotation encoding='application/x-tex'>a^2</annotation></semantics>", "a^2"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a + b)/2"),
    ],
)
def test_formulas(markup: str, text: str) -> None:
    page = f"<p>The stress is <span style='display:none'><math xmlns='{MATH}'>{markup}</math></span> at most.</p>"
    assert text_of(page) == f"The stress is {text} at most."


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("<tr><th>Part<th>Steel<th>Zinc<tr><td rowspan=2>Nut<td>12<td>9<tr><td>13<td>8", "Nut | 12 | 9\nNut | 13 | 8"),
        ("<tr><td>Bolt<td><td><td>40", "Bolt | | | 40"),
        ("<tr><td>Pin<td colspan=2>all<td>7", "Pin | all | | 7"),
        (
            "<thead><tr><th rowspan=2>Part<th colspan=2>2023<tr><th>In<th>Out</thead><tr><td>Bolt<td>1<td>2",
            "Part | 2023 In | 2023 Out\nBolt | 1 | 2",
        ),
        ("<tr><th colspan=3>Stock in May<tr><th>A<th>B<th>C<tr><td>1<td>2<td>3", "Stock in May\nA | B | C\n1 | 2 | 3"),
        ("<tr><td>a<td rowspan=2>b<td>c<tr><td>d<td>e", "a | b | c\nd | b | e"),
        ("<tr><td>a<td rowspan=99>b<tr><td>c", "a | b\nc | b"),
        ("<tr><td rowspan=0>a<td>b<tr><td>c<tr><td>d", "a | b\na | c\na | d"),
        ("<caption>Stock</caption><tr><td>a<td><ul><li>x<li>y</ul>", "Stock\na | x y"),
        ("<tr><td>a<td><table><tr><td>x<td>y</table><td>b", "a | x y | b"),
    ],
)
def test_tables_keep_their_columns(rows: str, text: str) -> None:
    assert text_of(f"<table>{rows}</table>").endswith(text)


def test_a_shadow_tree_is_shown_in_place_of_what_its_element_holds() -> None:
    page = (
        "<x-card><template shadowrootmode=open><style>p{}</style><h2><slot name=title>None</slot></h2>"
        "<p>Limit: <slot name=limit></slot>, <slot></slot> <slot name=note>no note</slot></p></template>"
        "tested<span slot=limit>750 <b>kg</b></span><x-name slot=title><template shadowrootmode=closed>The "
        "<slot></slot></template>winch</x-name><i slot=other>gone</i></x-card><template><p>gone</p></template>"
    )
    assert text_of(page) == "The winch\n\nLimit: 750 kg, tested no note"


def test_encodings_of_pages() -> None:
    czech = "Růžena Dvořáková podepsala smlouvu."
    late = f"<html><head>{'<!-- x -->' * 400}<meta http-equiv=Content-Type content='text/html; charset=windows-1250'>"
    assert text_of(f"{late}</head><body>{czech}</body></html>".encode("cp1250")) == czech
    trap = "<!-- <meta charset=koi8-r> --><meta name=description content='charset=koi8-r'><meta charset=windows-1250>"
    assert text_of(f"<head>{trap}</head><body>{czech}</body>".encode("cp1250")) == czech
    declared = '<?xml version="1.0" encoding="windows-1251"?><html xmlns="x"><body><p>Да, насос 5.</p></body></html>'
    assert text_of(declared.encode("cp1251"), "p.xhtml") == "Да, насос 5."
    latin = "<meta charset=iso-8859-1><p>The filter costs € 45 – “cheap”, don’t wait…</p>"
    assert text_of(latin.encode("cp1252")) == "The filter costs € 45 – “cheap”, don’t wait…"


XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><head>{}</head><body>{}</body></html>'


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<title/>", "<p>The winch lifts 750 kg.</p>"),
        ('<script src="a.js"/><title>x</title>', "<p>The winch lifts 750 kg.</p>"),
        ("<style/>", "<p/><a id='x'/><div class='&gt;'/><p>The winch lifts 750 kg.</p>"),
        ("", "<p>A<![CDATA[ & <b>. The winch lifts 750 kg.]]></p>"),
        (
            "",
            "<p>A<a epub:type='noteref' href='#n'>1</a></p><aside epub:type='footnote' id='n' hidden=''>"
            "<p>The winch lifts 750 kg.</p></aside>",
        ),
        ("", "<iframe src='x'/><textarea/><p>The winch lifts 750 kg.</p>"),
    ],
)
def test_books_are_xml(head: str, body: str) -> None:
    text = text_of(samples.epub(["<h1>One</h1><p>First.</p>", XHTML.format(head, body)]), "b.epub")
    assert "First." in text and "The winch lifts 750 kg." in text
    assert "The winch lifts 750 kg." in text_of(XHTML.format(head, body))


@pytest.mark.parametrize(
    "page",
    [
        "<p><b>one<p>two</b></p></div>",
        "<p>one<br></br>two</p></div>",
        "<font><center>one two",
        "<form><p>one</p></p></form></form>two",
        "<h1>one</h2>two",
    ],
)
def test_sloppy_markup_is_no_damage(page: str) -> None:
    assert text_of(f"<html><body>{page}</body></html>").split() == ["one", "two"]


def test_pages_that_the_spine_leaves_out_come_last() -> None:
    page = '<item id="{0}" href="{0}.xhtml" media-type="application/xhtml+xml"/>'
    items = "".join(map(page.format, ("notes", "one", "toc")))
    package = f"<package><manifest>{items}</manifest><spine><itemref idref='one'/></spine>"
    pages = {f"O/{name}.xhtml": f"<p>Text of {name}.</p>" for name in ("toc", "one")}
    book = {
        "META-INF/container.xml": "<c><rootfile full-path='O/b.opf'/></c>",
        "O/b.opf": f"{package}<guide><reference type='toc' href='toc.xhtml'/></guide></package>",
        "O/NOTES.xhtml": "<p>Text of notes.</p>",
        **pages,
    }
    assert text_of(samples.archive(book), "b.epub") == "Text of one.\n\nText of notes."


def test_what_is_said_of_a_picture_is_a_line_of_its_own() -> None:
    picture = "<img src=a.png alt='The plate on the winch'>"
    assert (
        text_of(f"<p>{picture}It lifts 750 kg.</p><p>More.</p>") == "It lifts 750 kg.\nThe plate on the winch\n\nMore."
    )
    assert text_of(f"<p>See the plate on the winch {picture}</p>") == "See the plate on the winch"
    assert text_of(f"<a href=/>{picture}</a><p>It lifts.</p>") == "It lifts."
