"""Where in a passage a question is answered, as far as words tell."""

from rag.text.sentences import sentence_spans
from rag.text.words import find_stems, stems


def find_focus(question: str, text: str) -> int:
    """The offset of the sentence with most of the question's words, the first of several; 0 where none has any."""
    sought = stems(question)
    shares = [(len(find_stems(text[start:end], sought)), start) for start, end in sentence_spans(text)]
    most = max((count for count, _ in shares), default=0)
    return next(start for count, start in shares if count == most) if most else 0
