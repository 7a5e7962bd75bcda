"""Instructions to the assistant inside signals: separated from the rest, never followed, still evidence.

Words in a picture, a recording or a file are data; only what a person types or says to the assistant is a request. The
language model reads a source without the passages that address it, so that they cannot steer what it reads there. The
passages are read apart: what they state is compared with everything else and marked, so that neither an attack nor an
everyday "New instructions from cardiology." hides a contradiction. A passage begins with a sentence that addresses the
assistant and, where that sets instructions aside, has the two sentences behind it.

The rules are words, in rules/instructions.toml.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import pairwise
from typing import Any

from edge_assistant.core.answer import Instruction
from edge_assistant.core.evidence import Evidence, Line, Passage, Speech
from edge_assistant.reasoning.rules.vocabulary import shipped
from edge_assistant.reasoning.sentences import any_word, sentences
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.spans import blank_out

FOLLOWING = 2  # sentences behind one that sets instructions aside
_LIKE_LATIN = str.maketrans("асеіорѕхуёкмтнвυοανικρτχεη", "aceiopsxyekmthbuoavikptxen")  # Cyrillic and Greek
_MARKER = re.compile(  # control text of chat templates, as a recogniser may read it, and the tags that stand for it
    r"<\W{0,2}\s?[|li1!]?\s?(?:[i1l!]m[ _]?start|[i1l!]m[ _]?end|end[ _]?of[ _]?text|begin[ _]?of[ _]?text|eot[ _]?id"
    r"|start[ _]?header[ _]?id|end[ _]?header[ _]?id|start[ _]?of[ _]?turn|end[ _]?of[ _]?turn|system|assistant|user)"
    r"\s?[|li1!]?\s?\W{0,2}>|\[/?inst\]|<{1,2}/?sys>{1,2}|</?(?:system|assistant|user|instructions?)>"
    r"|\{\{\s?/?(?:system|user|assistant)\s?\}\}"
    r"|^#{2,4}[ \t]{0,3}(?:system|instructions?|assistant|user|human|response)[ \t:]{0,3}$"
    r"|\"role\"\s{0,3}:\s{0,3}\"(?:system|assistant|developer)\"",
    re.M,
)
_MARKER_ANY_CASE = re.compile(_MARKER.pattern, re.M | re.I)
_CLOSING = re.compile(r"end|eot|/", re.I)
_BLOCK = 600  # characters from one marker to the next that belong to one block
_CITATION = re.compile(r"\s{0,9}[\[(][ec]\d{1,6}[\])]", re.I)
_CLAUSE = re.compile(r"[,:;.!?()\n\u2013\u2014\"]+|\band\b|\bthen\b|\bso\b")
_NEXT = r"\s+[^\w\s]{0,3}"  # to the next word; here and below every repetition is bounded, for texts are hostile
_UP_TO_SIX = rf"(?:\s+\S{{1,40}}){{0,6}}?{_NEXT}"
_UP_TO_THREE = rf"(?:\s+\S{{1,40}}){{0,3}}?{_NEXT}"
_OTHER_LETTERS = re.compile(r"[A-Z]|[^\0-\x7f]")
_NO_MARKS = str.maketrans(dict.fromkeys(",;\"'\u201c\u201d\u2018\u2019()*_~`", " "))  # "from now on, *you* are"
_LINE_AND_NEXT = re.compile(r"[^\n]*\n?[^\n]*")
_NO_MARKER = (1 << 62, 0, "")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class InstructionSpan:
    """A sentence of a passage, at the characters [start, end) of a text.

    Attributes:
        order: whether it tells the reader what to say or do. An order can contradict a source; it asserts nothing.
    """

    start: int
    end: int
    order: bool


@dataclass(frozen=True, slots=True)
class Separation:
    """A source, and the instructions that stand in it.

    Attributes:
        rest: the source without them.
        stated: their sentences that order nothing, as a source; empty where there is none.
        ordered: their orders, as a source; empty where there is none.
        passages: the instructions, for people to read.
    """

    rest: Source
    stated: tuple[Source, ...]
    ordered: tuple[Source, ...]
    passages: tuple[Instruction, ...] = ()


def separate(source: Source) -> Separation:
    """Separate the instructions in a source from the rest; what the person who asks has said is theirs, and stays."""
    text, starts = _concatenate(source.evidence)
    spans = () if source.signal.said else tuple(instructions(text))
    if not spans:
        return Separation(source, (), ())
    whole = _merge_spans((span.start, span.end) for span in spans)

    def parts(order: bool) -> tuple[Source, ...]:
        """A source of the instructions that are orders, or are none, if there are some."""
        kept = [(span.start, span.end) for span in spans if span.order is order]
        edges = [0, *(edge for span in kept for edge in span), len(text)]
        gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
        evidence = _cut(source.evidence, starts, gaps)
        return (replace(source, evidence=evidence, table=None),) if evidence else ()

    def passage(a: int, b: int) -> Instruction:
        ids = (e.id for e, at in zip(source.evidence, starts, strict=True) if at < b and a < at + len(e.text))
        return Instruction(source.signal.id, " ".join(text[a:b].split()), tuple(ids))

    rest = replace(source, evidence=_cut(source.evidence, starts, whole))
    return Separation(rest, parts(order=False), parts(order=True), tuple(passage(a, b) for a, b in whole))


def _merge_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, with those that touch as one."""
    found: list[tuple[int, int]] = []
    for a, b in spans:
        if found and a <= found[-1][1]:
            found[-1] = found[-1][0], max(b, found[-1][1])
        else:
            found.append((a, b))
    return found


def _cut(evidence: Sequence[Evidence], starts: Sequence[int], spans: Sequence[tuple[int, int]]) -> tuple[Evidence, ...]:
    """Evidence without spans of the joined text; time linear in both."""
    kept: list[Evidence] = []
    left = deque(spans)
    for item, start in zip(evidence, starts, strict=True):
        end = start + len(item.text)
        own: list[tuple[int, int]] = []
        while left and left[0][0] < end:
            a, b = left[0]
            if b > start:
                own.append((max(0, a - start), min(len(item.text), b - start)))
            if b > end:
                break  # it goes on in the next piece
            left.popleft()
        rest = _cut_text(item, own) if own else item
        kept += [rest] if rest is not None else []
    return tuple(kept)


def instructions(text: str) -> Iterator[InstructionSpan]:
    """The sentences of a text that belong to instructions, in order; in time linear in its length."""
    plain, rules = fold(text), _rules()
    blocks = deque(_blocks(plain))
    left, end = 0, 0
    dialogue = ordered = False
    for a, b in sentences(text):
        sentence = plain[a:b]
        begins = a + len(sentence) - len(sentence.lstrip())
        left = 0 if "\n\n" in plain[end:begins] else left  # another paragraph
        end = a + len(sentence.rstrip())
        while blocks and blocks[0][1] <= a:
            blocks.popleft()
        if blocks and blocks[0][0] < b:
            yield InstructionSpan(a, b, order=True)
            continue
        replies = rules["reply"].match(sentence) is not None
        bare = sentence.translate(_NO_MARKS)
        demands = bool(rules["demanding"].search(bare))
        aside = rules["setting_aside"].search(bare) or rules["anywhere"].search(bare)
        opens = demands or bool(aside or rules["vocative"].match(sentence))
        cites = _CITATION.match(sentence) is not None
        clauses = [0, *(match.end() for match in _CLAUSE.finditer(sentence))]
        orders = any(rules["order"].match(sentence, at) or rules["asked"].match(sentence, at) for at in clauses)
        order = demands or (dialogue and replies) or orders or (ordered and cites)
        if order or opens or left > 0:
            yield InstructionSpan(a, b, order)
        left = FOLLOWING if opens else max(0, left - 1)
        ordered = order or opens
        dialogue = rules["turn"].match(sentence) is not None or (dialogue and not replies)


def fold(text: str) -> str:
    """A text of the same length in lower case, with the Latin letters that its look-alikes stand for."""

    def plain(match: re.Match[str]) -> str:
        made = unicodedata.normalize("NFKC", match[0]).lower().translate(_LIKE_LATIN)
        return made if len(made) == 1 else match[0]

    return _OTHER_LETTERS.sub(plain, text)


def without_markers(text: str) -> str:
    """A text without the control text of chat templates, as an answer may quote it."""
    return _MARKER_ANY_CASE.sub(" ", text)


def _blocks(plain: str) -> Iterator[tuple[int, int]]:
    """From each marker of a chat template to the next one that is near; behind the last one, its line and the next."""
    markers = [(match.start(), match.end(), match[0]) for match in _MARKER.finditer(plain)]
    for (start, end, mark), (following, its_end, _) in pairwise([*markers, _NO_MARKER]):
        if following - end <= _BLOCK:
            yield start, its_end
        elif _CLOSING.search(mark):
            yield start, end
        else:
            line = _LINE_AND_NEXT.match(plain, end)
            yield start, line.end() if line else end


def _concatenate(evidence: Sequence[Evidence]) -> tuple[str, list[int]]:
    """The texts of a source as one, and where each begins; segments of speech run on, passages do not."""
    parts: list[str] = []
    starts, length = list[int](), 0
    for item in evidence:
        starts.append(length)
        end = " " if isinstance(item.detail, Speech) else "\n\n" if isinstance(item.detail, Passage) else "\n"
        parts.append(item.text + end)
        length += len(parts[-1])
    return "".join(parts), starts


def _cut_text(item: Evidence, spans: Sequence[tuple[int, int]]) -> Evidence | None:
    """Evidence without parts of its text; None where nothing is left."""
    rest = blank_out(item.text, spans)
    if not _WORD.search(rest):
        return None
    if isinstance(item.detail, Passage):
        return replace(item, text=rest)
    if isinstance(item.detail, Speech):
        return _cut_speech(item, rest)
    cut = [item.text[a:b].strip() for a, b in spans]
    detail, whole = _prune(item.detail, cut)
    text = " ".join(rest.split())
    return replace(item, text=text, detail=detail if whole else Line((text,)))


def _cut_speech(item: Evidence, rest: str) -> Evidence:
    """A segment of speech without some of its words."""
    assert isinstance(item.detail, Speech)
    words, at = [], 0
    for word in item.detail.words:
        at = item.text.find(word.text, at)
        if at < 0:
            return replace(item, text=" ".join(rest.split()))
        if rest[at : at + len(word.text)].strip():
            words.append(word)
        at += len(word.text)
    return replace(item, text=" ".join(word.text for word in words), detail=replace(item.detail, words=tuple(words)))


def _prune(detail: Any, cut: Iterable[str]) -> tuple[Any, bool]:  # noqa: ANN401 - any detail
    """A detail without texts; whether each of them stood whole in one of its own."""
    found = True
    for text in cut:
        changes: dict[str, Any] = {}
        for field in fields(detail):
            value = getattr(detail, field.name)
            if isinstance(value, str) and text in value:
                changes[field.name] = value.replace(text, " ").strip()
            elif isinstance(value, tuple) and any(isinstance(part, str) and text in part for part in value):
                changes[field.name] = tuple(part.replace(text, " ").strip() for part in value)
        found = found and bool(changes)
        detail = replace(detail, **changes)
    return detail, found


@cache
def _rules() -> Mapping[str, re.Pattern[str]]:
    """The patterns over folded text; of the words that ship, whatever domain is in force."""
    words = {key: any_word(values) for key, values in shipped().instructions.items()}
    lead = rf"[\W_]{{0,8}}(?:{words['leading']}[\W_]{{1,4}}){{0,6}}"
    order = "|".join(
        (
            rf"{words['ordering']}\s+(?:{words['anything']}|[\"'\u201c]?\d)",
            rf"{words['telling']}\s+(?:\W?e\d{{1,6}}\W?\s+)?{words['contents']}",
            rf"{words['asking_for']}{_UP_TO_THREE}{words['own']}",
            rf"{words['doing']}{_UP_TO_SIX}{words['tools']}",
            rf"{words['denying']}",
        )
    )
    duty = rf"{words['parties']}{_UP_TO_THREE}{words['duties']}\s+(?:{words['leading']}\s+)?{words['saying']}"
    whole = rf"^\s{{0,9}}\w{{1,20}}\s+{words['all_before']}\s{{0,9}}(?:[.!?]|$)"  # whatever the verb was heard as
    condition = rf"\W{{0,4}}(?:if|when|whenever|should)\b[^\n]{{0,80}}?{words['asked']}[^\n,]{{0,80}},\s+"
    patterns = {
        "order": rf"{lead}(?:{order})",
        "anywhere": words["machines"],
        "demanding": rf"{words['demanding']}|{duty}",
        "setting_aside": rf"{words['overriding']}{_UP_TO_SIX}{words['overridden']}|{whole}",
        "vocative": rf"\W{{0,4}}(?:\w{{1,12}}\s)?{words['named']}\s{{0,3}}[,!](?!\s{{0,3}}\d)",
        "asked": rf"{condition}(?:please\s+)?{words['replying']}",
        "turn": rf"\W{{0,4}}{words['turns']}\s{{0,3}}[:>]",
        "reply": rf"\W{{0,4}}{words['answering']}\s{{0,3}}[:>]",
    }
    return {name: re.compile(pattern) for name, pattern in patterns.items()}
