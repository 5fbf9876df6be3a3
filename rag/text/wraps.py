"""Whether a line goes on in the next one, by how it ends (a comma, an open bracket, a word that leads on); list items.

For text whose lines were broken by a program: PDF, RFC, mail. Knows the small words of English, German, French and
Spanish. What it does not do: see how long the line is.
"""

import re

ITEM = re.compile(r"(?:[-*+•‣▪◦]|\d{1,3}[.)]|\([a-z]\)|([a-z])\1?\))\s")  # what a list item begins with

ENDED = re.compile(r"[.!?…。！？｡．؟۔।॥:;]\W*(?:\[\d{1,3}\]\W*)*$")  # how what is said ends

_CUT = re.compile(r"[^\W_][-\u2010\u00ad]$")  # a word that goes on in the next line
_BEGINS = re.compile(r"[(\[\"'“‘«„]*(\S?)")
_LEADS = frozenset(
    """a an the of in on at to for from by with as and or nor but that which who whose whom is are was were be been than
    into onto upon its their his her our your this these those via per between if when where while because since until
    about after against among around before beneath during over through toward towards under unless within without
    each every any some both either neither may might must shall should can could will would not only also
    has have had does did at cannot
    der die das des dem den ein eine einer eines einem einen und oder im am auf aus bei mit nach von vom zu zum zur
    über unter für durch gegen ohne um als wie dass daß nicht sowie sondern wenn ob auch nur bis seit sich
    le la les un une et ou à au aux dans sur par pour avec sans que qui du de ce cette ces son sa ses
    el los las una y e o en con por para del al se su sus""".split()
)
_BEFORE_LAST = {"and", "or", "und", "oder"}  # at the end of a list's last item but one
_SIGNS = ("§", "§§", "&", "+", "=", "<", "/", "–", "—", "(", "[", "{", "“", "„", "«")
_NUMBERED = re.compile(
    r"\b(?:abs|absatz|absätze|satz|sätze|nr|nummer|nummern|art|artikel|buchstabe|section|sections|sec|figure|fig|table|"
    r"chapter|no|number|rfc|step|steps|page|appendix|version|level|type|phase|command|commands|equation|eq|article|year)"
    r"\.?$",
    re.IGNORECASE,
)
_LAST = re.compile(r"[^\W\d_]+$")
_OPENERS, _CLOSERS = "([{", ")]}"


def leads_on(line: str) -> bool:
    """Whether a stripped line must go on, whatever follows it: a list item or a heading cannot follow."""
    last = _LAST.search(line)
    return line.endswith(_SIGNS) or bool(
        last and last[0].islower() and last[0] in _LEADS - {"and", "or", "und", "oder"}
    )


def begins_item(line: str, above: str) -> bool:
    """Whether a stripped line is a list item, and no wrapped number that the line `above` calls for."""
    if not ITEM.match(line):
        return False
    if not above or not line[0].isalnum():
        return True
    return not (is_open(above) or (not ITEM.match(above) and (leads_on(above) or calls_number(above))))


def goes_on(line: str) -> bool:
    """Whether a stripped line goes on in the next one."""
    last = _LAST.search(line)
    return line.endswith((",", *_SIGNS)) or bool(last and last[0] in _LEADS) or is_open(line)


def calls_number(line: str) -> bool:
    """Whether a stripped line ends with a word that a number follows: "Section", "RFC", "Abs."."""
    return bool(_NUMBERED.search(line))


def is_open(line: str) -> bool:
    """Whether a bracket of the line is not closed in it."""
    depth = 0
    for letter in reversed(line):
        depth += (letter in _CLOSERS) - (letter in _OPENERS)
        if depth < 0:
            return True
    return False


def is_cut(line: str) -> bool:
    """Whether a stripped line ends within a word."""
    return bool(_CUT.search(line))


def begins_small(line: str) -> bool:
    """Whether a stripped line begins with a small letter, after brackets and quotation marks."""
    first = _BEGINS.match(line)
    return first is not None and first[1].islower()


def goes_over(above: str, below: str) -> bool:
    """Whether a sentence goes on from the last line of a page, stripped, to the first of the next."""
    if not above or ENDED.search(above):
        return False
    return is_cut(above) or goes_on(above) or begins_small(below)
