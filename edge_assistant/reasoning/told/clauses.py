"""What somebody said, cut into sentences and clauses; every span counts in the text that was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary

_END = re.compile(r"[.!?;]+(?=[\s\"'”’)]|$)|\n+")
_LAST_WORD = re.compile(r"([^\W\d_](?:[^\W\d_]|\.(?=[^\W\d_]))*)\.?$")
_RELATIVE = re.compile(  # "what you see is a dog", "where I took it is Oslo" ask nothing
    r"\s*(?:(?:and|or|so|but),?\s+)?(?:what|where|when|who|how)\s+"
    r"(?:(?:i|we|you|he|she|it|they|there|this|that|the|my|our|his|her|their)(?:'ve|'d|'m|'re)?\s+\w"
    r"|(?:came|arrived|comes|(?:is|was)\s+(?:in|inside)|(?:took|signed|received|checked|ran|operated)\s+\w+)\b[^?]*\s(?:is|are|was|were)\s)"
    r"|\s*what's\s+(?:in|inside)\b[^?]*\s(?:is|are|was|were)\s",
    re.I,
)
_FIRST_WORD = re.compile(r"\s*[a-zß-ÿ]")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})
PART = "\x1e"  # stands for a blank where a clause begins without any mark
MAX_CLAUSE = 400  # characters; what runs on for longer is no clause
_IS_ONE = re.compile(r"\b(?:is|was)\s+(?:the|my|her|his|our|their)\s+$", re.I)  # "Ada Hale is the emergency contact."
_FULL_NAME = r"(?<!\b[Ff]or )(?<!\b[Oo]f )\b[A-Z][\w'-]+\s+[A-Z][\w'-]+\s+"
_HAS_ONE = re.compile(rf"{_FULL_NAME}$")  # "Call Ada Hale if anything happens."
_HAS_ONE_AS = re.compile(rf"{_FULL_NAME}as\s+(?:the|my|her|his|our|their)\s+$")  # "Note Ada Hale as her next of kin."
_LEAD = 40  # characters before a full stop in which what leads up to the next sentence stands
_TAIL = 12  # characters before a full stop in which an abbreviation stands


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence that tells one thing of somebody.

    Attributes:
        text: as it is searched; fillers and corrected words are blank, so that it is as long as what was said.
        start: where it begins in the whole text.
        sentence: number of its sentence.
        opens: whether it is the first of its sentence.
        statement: whether it says that something is so; a question, a condition, a wish or an order does not.
    """

    text: str
    start: int
    sentence: int
    opens: bool
    statement: bool

    @property
    def end(self) -> int:
        """Where it ends in the whole text."""
        return self.start + len(self.text)


def told_words(name: str) -> tuple[str, ...]:
    """A list of told.toml."""
    return vocabulary().telling["words"].get(name, ())


def any_of(words: Iterable[str], flags: re.RegexFlag = re.I) -> re.Pattern[str]:
    """A pattern of whole words or phrases of the vocabulary; `any_word` is for those of what is told."""
    return patterns.compile(any_word(words), flags)


def any_word(words: Iterable[str]) -> str:
    """The text of a pattern of whole words or phrases, the longest first; a blank of a phrase may be several."""
    ordered = sorted(words, key=lambda word: (-len(word), word))  # the same in every process, for sets too
    phrases = (re.escape(word).replace(r"\ ", r"\s+") for word in ordered)
    return rf"(?<![\w'])(?:{'|'.join(phrases) or '(?!)'})(?![\w'])"


def listed(name: str, table: str = "words") -> re.Pattern[str]:
    """The pattern of a list of told.toml."""
    return _patterns()[table][name]


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, dict[str, re.Pattern[str]]]:
    return {
        table: {name: any_of(words) for name, words in lists.items()} for table, lists in vocabulary.telling.items()
    }


def plain(text: str) -> str:
    """What is searched: of the same length, apostrophes straight, fillers and "I should add that" blank.

    >>> plain("So, um, I’m allergic to, well, nuts.")
    "        I'm allergic to,       nuts."
    """
    ready = _fillers().sub(lambda match: " " * len(match[0]), text.translate(_APOSTROPHES))
    ready = _cut_off().sub(_rejoined, ready)
    return _topic().sub(_labelled, ready)


def _rejoined(match: re.Match[str]) -> str:
    """Commas for the full stops that a recogniser wrote around a correction; a mere "no" can be an answer."""
    said = listed("corrections").findall(match[0].lower())
    return match[0].replace(".", ",") if any(word not in ("no", "actually") for word in said) else match[0]


@per_vocabulary
def _cut_off(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A correction that is a sentence of its own before a value: "It was 65. No, sorry. 63."; not "Sorry, I fell"."""
    corrections = any_word(vocabulary.telling["words"]["corrections"])
    persons = any_word(("i", "you", "he", "she", "it", "we", "they", "there", "that", "this", "my", "our"))
    return patterns.compile(rf"(?<=[\w%])\.(?:\s+{corrections}[.,]?)+(?=\s+(?!{persons})\S)", re.I)


def _labelled(topic: re.Match[str]) -> str:
    """What is spoken of as a label: "About allergies, it's latex" as "allergies: latex"."""
    lead, name, it = topic["lead"], topic["name"], topic["it"]
    return " " * len(lead) + name + ":" + " " * (len(it) - 1)


@per_vocabulary
def _topic(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.telling["words"]
    lead, it = any_word(words["topics"]), any_word(words["topic_is"])
    return patterns.compile(
        rf"(?:(?<=[.!?;]\s)|(?<![^\n])|(?<=,\s))(?P<lead> ?{lead} (?:the )?)(?P<name>[^\W_][\w' -]{{2,40}}?)"
        rf"(?P<it>[,:] {it}(?=\s))",
        re.I,
    )


@per_vocabulary
def _fillers(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.telling["words"]
    fillers, openers = (any_word(words[name]) for name in ("fillers", "openers"))
    announcing, starts = (any_word(words[name]) for name in ("announcing", "starts"))
    return patterns.compile(
        rf"(?:,\s)?{fillers}(?!-\d)(?:,|\.\.\.)?|(?:(?<=, )|(?<=[.!?] )|(?<![\s\S])){openers},"
        rf"|{announcing}(?:\s+that\b|\s*[,:]|(?=\s+{starts}))",
        re.I,
    )


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of sentences; the point of "Mrs." ends none, nor does a line that goes on in lower case."""
    start = 0
    for match in _END.finditer(text):
        if _goes_on(text, match):
            continue
        if text[start : match.end()].strip():
            yield start, match.end()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)


def _goes_on(text: str, end: re.Match[str]) -> bool:
    if end[0].isspace():
        return end[0] == "\n" and bool(_FIRST_WORD.match(text, end.end()))
    if end[0] != ".":
        return False
    leading = _leading_up().search(text, max(0, end.start() - _LEAD), end.start())
    if leading and not _is_complete(text[max(0, end.start() - _LEAD) : leading.start()], leading[0]):
        return bool(re.match(r"\s+\S", text[end.end() : end.end() + 3]))
    word = _LAST_WORD.search(text[max(0, end.start() - _TAIL) : end.start()])
    if word is None:
        return False
    return word[1].lower() in told_words("abbreviations") and bool(
        re.match(r"\s*[A-Z0-9]", text[end.end() : end.end() + 9])
    )


def _is_complete(before: str, leading: str) -> bool:
    """Whether a sentence has told what words at its end lead up to."""
    has_one = _HAS_ONE.search(before) if leading[:2].lower() in ("in", "if") else _HAS_ONE_AS.search(before)
    return has_one is not None or _IS_ONE.search(before) is not None


@per_vocabulary
def _leading_up(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words with which no sentence ends: a recogniser heard a pause in "in an emergency, please call"."""
    return patterns.compile(rf"{any_word(vocabulary.telling['words']['leading_up'])}$", re.I)


def clauses(text: str) -> list[Clause]:
    """The clauses of a text that `plain` made ready, in order."""
    found: list[Clause] = []
    for number, (start, end) in enumerate(sentences(text)):
        asks = start + asked_from(text[start:end])
        cuts = [start, *(start + cut for cut in _cuts(text[start:end])), end]
        cuts = sorted({*cuts, asks} if asks < end else cuts)
        conditional = False
        for a, b in pairwise(cuts):
            part = text[a:b]
            conditional = conditional or _is_condition(part)
            says = not (a >= asks or conditional or _is_unsure(part))
            for offset, piece in _pieces(part):
                if piece.strip(" ,.;\n"):
                    found.append(Clause(piece, a + offset, number, a + offset == start, says))
    return found


def _pieces(part: str) -> Iterator[tuple[int, str]]:
    """A part of a sentence in pieces of at most `MAX_CLAUSE` characters, cut between words where that can be."""
    at = 0
    while len(part) - at > MAX_CLAUSE:
        end = part.rfind(" ", at + MAX_CLAUSE // 2, at + MAX_CLAUSE) + 1 or at + MAX_CLAUSE
        yield at, part[at:end]
        at = end
    yield at, part[at:]


def _cuts(sentence: str) -> list[int]:
    return sorted({match.start("cut") for match in _cut().finditer(sentence) if match.start("cut") > 0})


@per_vocabulary
def _cut(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.telling["words"]
    joins, starts, verbs = (any_word(words[name]) for name in ("joins", "starts", "verbs"))
    past, now = (any_word(words[name]) for name in ("past", "now"))
    conditions = any_word(words["conditions"])
    relations = any_word(word for group in vocabulary.telling["relations"].values() for word in group)
    mine = any_word(verb for verb in words["verbs"] if verb not in ("is", "are", "has"))  # but "troponin i is"
    whose = any_word(
        (*(word for group in vocabulary.telling["relations"].values() for word in group), *words["carriers"])
    )
    owned = (  # "58 kg, that's her mother's weight"
        r"(?:that|this|which)(?:'s|\s+is|\s+was)\s+(?:(?:what|how\s+much|only|just|the\s+\w+\s+of)\s+)*"
        rf"(?:my|our|his|her|their|the)\s+(?:\w+\s+)?{whose}"
    )
    aside = r"(?:now|today|so|yesterday)\s*,"  # "her husband, now, weighs"
    does = r"(?:is|has|takes|smokes|was|had|weighs|does|did|gets|got|came|drinks|lives|(?:is|does|did|has|was|ca)n't)"
    words_before = ("of", "for", "to", "with", "on", "that", "from", "what", "if", "when", "by", "than")
    held = "".join(rf"(?<!\b{word}\s)" for word in words_before)  # behind them it begins no clause
    unmarked = (
        rf"(?-i:i)\s+(?:am\b|{mine})|(?:my|our|his|her)\s+{relations}\s+{does}\b|(?:the|this|our)\s+patient\s+{does}\b"
        r"|now\s+(?:it|she|he|they|we|(?-i:i))(?:'(?:s|m|re)\b|\s+(?!who\b|that\b)\w)|(?:it|she|he)(?:'s|\s+(?:is|has|runs|weighs))\s+(?:now|currently|today)\b"
    )
    return patterns.compile(
        rf"(?P<cut>{PART}|(?<=[\s,])(?:{joins}|{conditions})|,\s*(?:and\s+)?(?={starts}|{past}|{now})(?!{owned}|{aside})|(?<=\s)and\s+(?={starts}|{verbs})"
        rf"|(?<=\w\s){held}(?={unmarked}))",  # as a recogniser writes that knows no full stop
        re.I,
    )


def asked_from(sentence: str) -> int:
    """Where a sentence begins to ask: at its start, or at the tag of "it is at ten, is that right?"; else its end."""
    if _asking().match(sentence) and not (_RELATIVE.match(sentence) and "?" not in sentence):
        return 0
    if not sentence.rstrip(" \n\"'").endswith("?"):
        return len(sentence)
    tag = _tag().search(sentence)
    return tag.start() if tag else 0


@per_vocabulary
def _tag(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What asks only whether that is so, behind what is told."""
    return patterns.compile(rf",\s*{any_word(vocabulary.telling['words']['tags'])}[?\s\"']*$", re.I)


@per_vocabulary
def _asking(vocabulary: Vocabulary) -> re.Pattern[str]:
    auxiliaries = any_word(vocabulary.question["auxiliary"])
    persons = any_word(("i", "you", "he", "she", "it", "we", "they", "there", "this", "that", "the"))
    return patterns.compile(
        rf"\s*(?:(?:and|or|so),?\s+)?(?:{auxiliaries}\s+{persons}|(?:what|which|who|when|where|how)\b)", re.I
    )


def _is_condition(clause: str) -> bool:
    return bool(listed("conditions").search(clause))


_WANTED_BACK = re.compile(
    r"\b(?:would|'d)\s+like(?=\s[^;]{0,80}\d[^;]{0,40}\bback\b|\s[^;]{0,80}\bback\s+for\b)", re.I
)  # is claimed


def _is_unsure(clause: str) -> bool:
    """Whether a clause leaves open what is so, or asks for something to be done."""
    limits = _WANTED_BACK.sub(" ", _bounding().sub(" ", clause))
    return bool(listed("unsure").search(limits)) or bool(listed("orders").match(clause.lstrip(" ,")))


@per_vocabulary
def _bounding(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Phrases with "should" and "must" that tell a limit, or how goods are to be."""
    limit = vocabulary.attributes.get("limit")
    return any_of((*vocabulary.telling["words"]["prescribing"], *(limit.told if limit else ())))
