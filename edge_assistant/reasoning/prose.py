"""Questions that want sentences: the language model writes over numbered evidence, and every sentence is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from edge_assistant.core.evidence import Evidence
from edge_assistant.core.limits import ANSWER_TOKENS
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.guard import cited, holds, repeats, sentences, supported, topic
from edge_assistant.reasoning.sources import one_line
from edge_assistant.reasoning.values.candidates import as_words

MOST_QUOTES = 5  # lines that stand for an answer which the model could not write
_ABOUT = (
    "You answer questions from numbered evidence. Write short sentences. End each sentence with the number of the "
    "evidence it rests on, such as [E1]. Say nothing that the evidence does not say."
)
_LISTED = re.compile(r"\[(E\d{1,6}(?:,\s*E\d{1,6})+)\]")
_SEVERAL = re.compile(r"(?<=\])\s*,\s*(?=\[E\d)")
_LAST = re.compile(r",\s*(?=(?:\[E\d{1,6}\])+\W*$)")  # the comma before the citations at the end of a sentence


def write(
    question: str, lines: Sequence[Evidence], engine: Engine, *, constant: int = 0, lasting: bool = False
) -> Iterator[str]:
    """Sentences over evidence, each of which cites what exists and says nothing that its evidence does not support.

    A sentence without a citation gets the one that it can only mean, where there is a single piece of evidence; one
    that fails the check is left out.

    Args:
        question: what is asked.
        lines: the evidence.
        engine: writes.
        constant: lines at the beginning that stand there whatever is asked, as the others may not.
        lasting: whether what the model reads of those may be kept for other processes.
    """
    texts = {line.id: line.text for line in lines}
    told = [f"[{line.id}] {one_line(line.text)}" for line in lines]
    beginning, first = ("Evidence:\n" + "\n".join(part) for part in (told, told[:constant]))
    beginning += "\n\nQuestion:"
    before = len(first) if 0 < constant < len(lines) else 0
    asked = Message(Role.USER, f"{beginning} {question}", len(beginning), lasting and constant > 0, before)
    messages = [Message(Role.SYSTEM, _ABOUT), asked]
    written: set[str] = set()
    for sentence in sentences(engine.stream(messages, max_tokens=ANSWER_TOKENS.now)):
        checked = _with_citation(sentence, texts)
        sound = holds(checked, texts) and supported(checked, texts, question) and not repeats(checked, _ABOUT)
        if checked not in written and sound:
            written.add(checked)
            yield checked


def quote(question: str, lines: Sequence[Evidence]) -> Iterator[str]:
    """The evidence in its own words, where no sentence of the model passed: lines with words of the question.

    Where the question names nothing, as in "Summarize the note", they are the first lines.
    """
    asked = topic(question)
    near = sorted(lines, key=lambda line: -len(asked & as_words(line.text).tokens))[:MOST_QUOTES]
    for line in near:
        if not asked or asked & as_words(line.text).tokens:
            yield f"{one_line(line.text).rstrip('.')} [{line.id}]."


def _with_citation(sentence: str, texts: Mapping[str, str]) -> str:
    """A sentence with its citations as they are written here: [E1, E2] is [E1][E2], and so is [E1], [E2]."""
    sentence = _LISTED.sub(lambda match: "".join(f"[{id}]" for id in re.split(r",\s*", match[1])), sentence)
    sentence = _LAST.sub(" ", _SEVERAL.sub("", sentence))
    if cited(sentence) or len(texts) != 1:
        return sentence
    return f"{sentence} [{next(iter(texts))}]"
