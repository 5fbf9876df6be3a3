"""English words without their endings: the same root for open, opens and opened, for write, wrote and written."""

import re

_IRREGULAR = {
    form: forms.split()[0]
    for forms in """arise arose arisen|become became|begin began begun|bind bound|bite bit bitten|blow blew blown|break
    broke broken|bring brought|build built|burn burnt|buy bought|catch caught|choose chose chosen|come came|creep
    crept|deal dealt|do did done does|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell
    fallen|feed fed|feel felt|fight fought|find found|fly flew flown|forbid forbade forbidden|forget forgot
    forgotten|freeze froze frozen|get got gotten|give gave given|go went gone goes|grow grew grown|hang hung|hear
    heard|hide hid hidden|hold held|keep kept|know knew known|lay laid|lead led|leave left|lend lent|lie lain|lose
    lost|make made|mean meant|meet met|pay paid|ride rode ridden|ring rang rung|rise rose risen|run ran|say said|see
    saw seen|seek sought|sell sold|send sent|shake shook shaken|shine shone|shoot shot|shrink shrank shrunk|sing sang
    sung|sink sank sunk|sit sat|sleep slept|speak spoke spoken|spend spent|stand stood|steal stole stolen|stick
    stuck|strike struck|swear swore sworn|swim swam swum|take took taken|teach taught|tear tore torn|tell told|think
    thought|throw threw thrown|understand understood|wake woke woken|wear wore worn|win won|write wrote written|man
    men|woman women|child children|person people|life lives|wife wives|half halves|analysis analyses|crisis
    crises|datum data""".split("|")
    for form in forms.split()
}
_ENDINGS = re.compile(r"(?<=..)(?:(?<=..)(i)(?:est|er|es|ed)|ing|ed|est|er|es|(?<!s)s)\Z")


def find_root(word: str) -> str:
    """A word without its English endings, or the base of an irregular form: the same for open, opens and opened."""
    word = _IRREGULAR.get(word, word)
    word = word[:-2] if word.endswith("ly") and len(word) > 5 else word
    word = _ENDINGS.sub(lambda ending: ending[1] or "", word)
    word = word[:-1] + "i" if word.endswith("y") else word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl" else word
