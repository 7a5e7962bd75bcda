"""What a speaker takes back: in "sixty five, no, sorry, sixty three" only sixty three is told."""

from __future__ import annotations

import re
from bisect import bisect_left

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import told
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.repairs import Repair, repairs, tails
from edge_assistant.reasoning.told.sayings import codes_in, is_dialled, is_timed
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.units import meanings
from edge_assistant.reasoning.values.values import Clock, Day, Quantity

_KINDS = (
    "telephone",
    "identifier",
    "pair",
    "date",
    "clock",
    "quantity",
)  # what can be corrected, what holds others first
_LOOKS = {"clock": is_timed, "telephone": is_dialled}  # like nothing else
_KINDS_OF: dict[type, frozenset[str]] = {
    Quantity: frozenset({"quantity", "number", "money", "pair"}),
    Day: frozenset({"date"}),
    Clock: frozenset({"clock"}),
}  # types of the attributes that a value can be of
_BEFORE = 60  # characters before a correction in which the wrong value ends
_BEHIND = 48  # characters behind it in which the right one begins
_FEW = 4  # words between a correction and the right value, where they name no attribute
_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_NAMED = re.compile(r"((?:[^\W\d_][\w'-]*)(?:\s+[A-Z][\w'-]*){0,3})(?=\s*(?:[.,;!?\n]|$)|\s+(?:and|or)\b)")
_FULL_NAME = re.compile(r"[A-Z]\w+\s+[A-Z]\w+$")
_FULL = re.compile(r"[A-Z]\w+\s+[A-Z]")  # a first and a last name
_ITEM = re.compile(r"(?:\b(?:to|is|are|against|and|or)|[,:])\s+((?:[a-z][\w'-]*\s+){0,2}[a-z][\w'-]*)$")
_A_THING = re.compile(
    r"[\s,]*(?:(?:it|that|this)(?:'s|\s+is|\s+was)\s+)?(?:an?|the|some)\s+(?P<what>[^\W\d_]+(?:\s+[^\W\d_]+){0,2})",
    re.I,
)
_BUT = re.compile(r"[\s,]*but\s+(?:rather\s+)?", re.I)  # goes on with the right value
_IS = re.compile(r"\s+(?:is|was|are|were)\b", re.I)  # behind a value, where its name follows
_COUNTED = re.compile(r"\s+[^\W\d_]+")  # the word behind a number
_COUNT = re.compile(r"([^\s,.]+)\s+$")
_STOPS = re.compile(r"[.!?;\n]")
_SAID = re.compile(r"\w\s*[.!?;\n]")  # the end of a sentence that has words


def corrected(text: str) -> str:
    """A text of the same length in which what was taken back is blank.

    >>> corrected("The total was 65, no, sorry, 63.")
    'The total was                63.'
    """
    draft = _Draft(text)
    for repair in repairs(text):
        draft.take_back(repair)
    for match in _denial().finditer(text):
        draft.undeny(match.start(), match.end(), match.start("not"))
    return "".join(draft.letters)


class _Draft:
    """A text that is being corrected, with the values that stand in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.letters = list(text)
        self.values = values_in(text)
        self.starts = [value.start for value in self.values]

    def take_back(self, repair: Repair) -> None:
        """Blank what a repair corrects, and the repair."""
        start, end = repair.start, repair.end
        behind = bisect_left(self.starts, end)
        new = self.values[behind] if behind < len(self.values) else None
        if not (repair.set_off or self._is_betweenvalues_in(repair, new) or self._is_between_names(repair)):
            return
        if self._take_back_thing(start, end):
            return
        if new is None or new.start > end + _BEHIND or _SAID.search(self.text, end, new.start):
            self._take_back_words(repair)
            return
        old = self._last_standing(start, new)
        if old is None:
            self._take_back_words(repair)
            return
        if not self._replaces(old, new, start, end):
            return
        if counted := things(self.text[old.end : start]):  # "two elephants, no, three", or "no, three elephants"
            again = things(self.text[new.end : new.end + _BEHIND])
            self._blank(old.start, start if again and again[0][0] == counted[-1][0] else old.end)
            self._blank(start, end)
        elif type(old.value) in _KINDS_OF and (named := told(old.text)):  # "45 years old, sorry, 54"
            self._blank(old.start, old.start + named[0].start)
            self._blank(start, end + _punctuation(self.text, end))
        elif self._keeps(old, new, start):
            is_it = _IS.match(self.text, old.end)
            self._blank(old.start, is_it.end() if is_it else old.end)
            self._blank(start, end + _punctuation(self.text, end))
        else:
            self._blank(old.start, end + _punctuation(self.text, end))

    def _is_betweenvalues_in(self, repair: Repair, new: Candidate | None) -> bool:
        """Whether a mere "no" stands right between two values: "fifty eight kilos no seventy four kilos"."""
        at = bisect_left(self.starts, repair.start) - 1
        old = self.values[at] if at >= 0 else None
        if old is None or new is None or type(old.value) is not type(new.value) or not _of_one_unit(old, new):
            return False
        between = _WORDS.findall(self.text[old.end : repair.start])  # "36 pieces no 20 pieces"
        again = _WORDS.findall(self.text[new.end : new.end + _BEHIND])[: len(between)]
        return between == again and not _WORDS.search(self.text[repair.end : new.start])

    def _is_between_names(self, repair: Repair) -> bool:
        """Whether it stands right between two full names: "Martin Hale no Olive Hale"."""
        before = _FULL_NAME.search(self.text[max(0, repair.start - _BEFORE) : repair.start].rstrip(" ,."))
        return bool(before and _FULL.match(self.text, repair.end + _punctuation(self.text, repair.end)))

    def _keeps(self, old: Candidate, new: Candidate, start: int) -> bool:
        """Whether what stands between a wrong value and its repair names it, or is another value."""
        between = self.text[old.end : start]
        at = bisect_left(self.starts, old.end)
        other = at < len(self.starts) and self.starts[at] < start
        return other or bool(_named(between, None) and not _named(self.text[new.end : new.end + _BEHIND], None))

    def undeny(self, start: int, end: int, at_not: int) -> None:
        """Blank a value that is denied: "four hundred volts, not three eighty", "it is not 380 but 400"."""
        if name := _name_but().match(self.text, end):
            self._blank(at_not, name.end())
        at = bisect_left(self.starts, end)
        if at == len(self.starts) or self.starts[at] != end:
            return
        denied = self.values[at]
        before = self.values[at - 1] if at else None
        after = self.values[at + 1] if at + 1 < len(self.values) else None
        counted = _COUNTED.match(self.text, denied.end) if _is_count(denied) else None
        if before and _is_beside(self.text[before.end : start], before, denied):
            again = counted and things(self.text[before.end : start]) == things(counted[0])
            self._blank(start, counted.end() if counted and again else denied.end)
        elif after and type(after.value) is type(denied.value) and _is_instead(self.text[denied.end : after.start]):
            self._blank(at_not, after.start)
        elif after and _is_beside(self.text[denied.end : after.start], after, denied):
            but = _BUT.match(self.text, denied.end, after.start)
            self._blank(at_not, but.end() if but else denied.end + _punctuation(self.text, denied.end))
        elif type(denied.value) in _KINDS_OF:
            self._blank(at_not if counted else denied.start, denied.end)

    def _last_standing(self, start: int, new: Candidate) -> Candidate | None:
        """The last value of the type of another near before a place that has not been taken back."""
        at = bisect_left(self.starts, start)
        for value in reversed(self.values[max(0, at - _FEW) : at]):
            if self.letters[value.start] != " " and type(value.value) is type(new.value) and _of_one_unit(value, new):
                return value if value.end >= start - _BEFORE else None
        return None

    def _replaces(self, old: Candidate, new: Candidate, start: int, end: int) -> bool:
        """Whether one value stands for the other: of one unit, and no other attribute is named with the new one."""
        if not _of_one_unit(old, new):
            return False
        between = self.text[end : new.start]
        kinds = _KINDS_OF.get(type(new.value))
        begin = max(
            0,
            old.start - 2 * _BEFORE,
            *(self.text.rfind(c, max(0, old.start - 2 * _BEFORE), old.start) + 1 for c in ".!?\n"),
        )
        before = _named(self.text[begin:start], kinds)
        if _named(between, kinds):
            return bool(_named(between, kinds) & before)
        behind = _named(_STOPS.split(self.text[new.end : new.end + _BEHIND // 2])[0].partition(",")[0], kinds)
        return len(_WORDS.findall(between)) <= _FEW and not (behind and before and not behind & before)

    def _take_back_thing(self, start: int, end: int) -> bool:
        """Blank a thing in whose place another was seen: "a carrot, wait, no, a banana"; whether there was one."""
        new = _A_THING.match(self.text, end)
        before = _STOPS.split(self.text[max(0, start - _BEFORE) : start])[-1]
        seen, old = things(new["what"]) if new else [], things(before)
        if not seen or not old or before[old[-1][2] :].strip(" ,") or seen[0][0] == old[-1][0]:
            return False
        count = _COUNT.search(before[: old[-1][1]])
        number = count is not None and (count[1].isdigit() or count[1].lower() in vocabulary().numbers)
        at = start - len(before) + (count.start() if count and number else old[-1][1])
        self._blank(at, end)
        return True

    def _take_back_words(self, repair: Repair) -> None:
        """Blank the name or item before a repair: "penicillin, no sorry, latex"."""
        start, end = repair.start, repair.end
        begin = end + _punctuation(self.text, end)
        new = _NAMED.match(self.text, begin)
        if new is None or (repair.said in ("no", "no,") and not _FULL.match(new[1])) or not _is_content(new[1]):
            return
        count = len(new[1].split())
        before = self.text[max(0, start - _BEFORE) : start].rstrip(" ,.")
        words = list(_WORDS.finditer(before))[-count:]
        if len(words) < count or not all(_is_content(word[0]) for word in words):
            return
        item = _ITEM.search(before) if new[1].islower() else None  # "bee stings, sorry, latex"
        at = max(0, start - _BEFORE) + min(words[0].start(), item.start(1) if item else words[0].start())
        before_it = bisect_left(self.starts, start) - 1
        if before_it < 0 or self.values[before_it].end <= at:
            self._blank(at, begin)

    def _blank(self, start: int, end: int) -> None:
        self.letters[start:end] = " " * (end - start)


@per_vocabulary
def _denial(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The words right before a value that is not so, with small words before them: ", and certainly not"."""
    words = vocabulary.telling["words"]
    lead, denying = any_word(words["deny_leads"]), any_word(words["denying"])
    return patterns.compile(
        rf"(?:{lead}[\s,]+){{0,4}}(?P<not>(?:(?:and|but|so)\s+)?{denying})\s+(?:(?:the|a|an|those|at|on|in|from|about|exactly|by)\s+){{0,2}}(?=\S)",
        re.I,
    )


def values_in(text: str) -> list[Candidate]:
    """The values of a text, none within another."""
    found: list[Candidate] = []
    taken: set[int] = set()
    for kind in _KINDS:
        for value in codes_in(text) if kind == "identifier" else find(kind, text):
            if kind in _LOOKS and not _LOOKS[kind](value):
                continue
            if taken.isdisjoint(range(value.start, value.end)):
                found.append(value)
                taken.update(range(value.start, value.end))
    return sorted(found, key=lambda value: value.start)


def _named(text: str, kinds: frozenset[str] | None) -> set[str]:
    """The attributes that a text names, of those that a value can be of: a dose is no "since"."""
    return {m.attribute.name for m in told(text) if kinds is None or m.attribute.value in kinds}


def _of_one_unit(a: Candidate, b: Candidate) -> bool:
    """Whether two values can be told of one thing; where one has no unit, it has that of the other."""
    if not (isinstance(a.value, Quantity) and isinstance(b.value, Quantity)):
        return True
    one, other = a.value.unit, b.value.unit
    return one is None or other is None or bool(meanings(one, other))


def _is_beside(between: str, right: Candidate, denied: Candidate) -> bool:
    near = _BEFORE if between.rstrip().endswith(",") else _BEFORE // 3  # "..., not 306 pounds"
    return len(between) < near and not _STOPS.search(between) and type(right.value) is type(denied.value)


def _is_instead(between: str) -> bool:
    """Whether the right value follows in a sentence of its own: "It's not 58. It's 74."."""
    return bool(re.fullmatch(rf"[\s,.;]*(?:but\s+)?{tails().pattern}\s+(?:(?:the|on|at)\s+)*", between, re.I))


@per_vocabulary
def _name_but(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A full name that is denied, and what leads to the right one."""
    tail = any_word(vocabulary.telling["repairs"]["tails"])
    return patterns.compile(
        rf"(?-i:[A-Z]\w+\s+[A-Z]\w+)(?:[\s,.]*(?:but\s+(?:rather\s+)?|{tail}\s+)|,\s+(?=[A-Z]))?", re.I
    )


def _is_count(value: Candidate) -> bool:
    return isinstance(value.value, Quantity) and value.value.unit is None


def _is_content(word: str) -> bool:
    """Whether a word can be a name or an item."""
    first = word.split()[0].lower()
    return (
        first not in vocabulary().words["stop"]
        and not listed("starts").fullmatch(first)
        and first not in ("not", "yes", "no", "but")
    )


def _punctuation(text: str, at: int) -> int:
    """How many blanks and marks stand at a place of a text."""
    return len(text[at : at + _BEHIND]) - len(text[at : at + _BEHIND].lstrip(" ,.:-"))
