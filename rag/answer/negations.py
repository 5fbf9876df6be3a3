"""The ways in which English denies what follows, said in one way: with a "not".

"Fails to", "is unable to", "no longer", "it is not true that" are "not", "lacks" is "without", and what nobody has to
do is "not required". What it does not do: denials by the meaning of a verb (prevents, avoids), irony, other languages.
"""

import re

from rag.text.stopwords import STOP_WORDS

NEGATIONS = frozenset(
    "not no never neither nor none nobody nothing nowhere without hardly scarcely rarely seldom".split()
)

_CONTRACTED = re.compile(r"\b(?:can(?:not|['’]t)|(?!can['’])(\w+)n['’]t)\b", re.IGNORECASE)
_FORMS = tuple(
    (re.compile(rf"\b(?:{' '.join(pattern.split())})(?!\w)", re.IGNORECASE), form)
    for pattern, form in (
        # whole sentences
        (r"it (?:is|was) (?:not (?:true|correct|the case)|false|untrue|wrong|incorrect) (?:that|to say that)", "not"),
        # duties that are none
        (r"need not|(?:do|does|did|will|would) not (?:have|need) to|no (?:need|obligation|duty) to", "not required"),
        (r"not (?:obliged|obligated|compelled|bound|necessary|mandatory) to", "not required"),
        # fixed phrases
        (r"no longer|by no means|in no (?:way|case)|on no account|under no circumstances?|at no (?:time|point)", "not"),
        (r"not (?:at all|any ?(?:longer|more)|necessarily|in fact|in any way)", "not"),
        # ability: whoever is able to do something does it
        (r"(?:unable|unwilling|unlikely|yet) to|incapable of", "not"),
        (r"able to|capable of", ""),
        # verbs that deny the next one
        (r"(?:fail(?:s|ed|ing|ure)?|refus(?:es?|ed|ing|al)|declin(?:es?|ed|ing)|neglect(?:s|ed|ing)?) to", "not"),
        (r"(?:ceas(?:es?|ed|ing)|omit(?:s|ted|ting)?|forg[eo]t(?:s|ten|ting)?) to", "not"),
        # things that are not there
        (r"lack(?:s|ed|ing)?(?: of)?|devoid of|bereft of|free (?:of|from)|absence of|exempt(?:ed)? from", "without"),
        (r"far from|anything but|instead of|rather than|except(?: for)?", "not"),
    )
)
_VAIN = re.compile(  # a negation of nothing that follows in its clause: "but not here, and"
    r"\b(?:{})(?:\s+(?:{}))*\s*(?=[,;:.!?)]|\Z)".format("|".join(NEGATIONS), "|".join(STOP_WORDS - NEGATIONS)),
    re.IGNORECASE,
)


def level(text: str) -> str:
    """The text with its denials said by words of NEGATIONS that stand before what they deny.

    Example: "It isn't able to run" gives "It is not  run", "It fails to run" gives "It not run".
    """
    text = _CONTRACTED.sub(lambda match: f"{match[1] or 'can'} not", text)
    for pattern, form in _FORMS:
        text = pattern.sub(form, text)
    return _VAIN.sub("", text)
