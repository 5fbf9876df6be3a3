"""The clause of a sentence that a question for yes or no asks about.

"Water damage is covered, flooding from outside is not" says yes to the one and no to the other. So where one clause has
all that a sentence which denies something has of the question, this clause is read alone. What it does not do: it
completes no clause that leaves its verb to another one.
"""

import re

from rag.text.words import stems

DENIAL = re.compile(r"\b(?:no|not|nor|never|none|neither|without|cannot)\b|n['’]t\b", re.IGNORECASE)
LEAST = 3  # words of a clause
SHARED = 2  # words of the question in it

_BREAK = re.compile(r"\s*[,;]\s+(?:(?:and|but|while|whereas|though|although)\s+)?|\s+(?:but|while|whereas|although)\s+")


def find_clause(question: str, sentence: str) -> str:
    """The clause of a sentence that has all that it has of a question, where it denies something; else all."""
    clauses = [clause for clause in _BREAK.split(sentence.strip()) if clause]
    held = stems(question) & stems(sentence)
    whole = [clause for clause in clauses if held <= stems(clause) and len(clause.split()) >= LEAST]
    if (
        len(held) < SHARED
        or len(whole) != 1
        or bool(DENIAL.search(whole[0])) == bool(DENIAL.search(sentence.replace(whole[0], "", 1)))
    ):
        return sentence
    return whole[0]
