"""Puts personal data out of texts: finds it by the rules, and puts a pseudonym in its place.

Pseudonyms of one conversation are numbers in the order of appearance, so they tell only which values are the same:
those of two conversations or devices cannot be linked. Where there is no beginning to count from, as in the log, a
pseudonym is a few digits of an HMAC; its key is random for each process, so what one wrote links to no other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from edge_assistant.governance.redaction import checks, tagger, views
from edge_assistant.governance.redaction.kinds import PiiKind, PiiMatch, Redacted
from edge_assistant.governance.redaction.names import Names
from edge_assistant.governance.redaction.rules import RedactionPatterns, Rule, compiled, shipped
from edge_assistant.governance.redaction.same import both, same
from edge_assistant.governance.redaction.search import PiiSpan, apart, search
from edge_assistant.governance.redaction.views import TextView

_REMEMBERED = frozenset(PiiKind) - {
    PiiKind.PERSON,
    PiiKind.FILE,
}  # names are known word by word, files by their whole name
_WORDED = frozenset({PiiKind.PERSON, PiiKind.ADDRESS, PiiKind.EMAIL})  # of letters, which a view has as ASCII only
_SHORTEST = 5  # characters of a value that is found again where nothing says what it is
_LONGEST_ENDING = 5  # characters of a file's ending; a longer one may be a part of its name
_LOOKS = 4  # of the tagger at one text, at most
_DIGITS = 8  # of a keyed pseudonym, hexadecimal: 32 bits, as there are few values in one process's log


@dataclass
class Redactor:
    """Redacts the texts of one conversation; the same value has the same pseudonym in all of them.

    Attributes:
        key: of what is keyed: 32 bytes that belong to the conversation.
        keyed: whether pseudonyms are digits of an HMAC, and not numbers in the order of appearance.
        rules: by what it is found.
    """

    key: bytes = field(repr=False)
    keyed: bool = False
    rules: RedactionPatterns = field(default_factory=shipped, repr=False)
    _numbers: dict[PiiKind, dict[str, int]] = field(default_factory=dict, init=False, repr=False)
    _names: Names = field(init=False, repr=False)
    _known: dict[PiiKind, set[str]] = field(default_factory=dict, init=False, repr=False)
    _files: set[str] = field(default_factory=set, init=False, repr=False)  # names as a view has them
    _file: Any = field(default=None, init=False, repr=False)  # a pattern of all of them

    def __post_init__(self) -> None:
        """Know no names yet."""
        self._names = Names(self.rules.no_names, self.rules.shy)

    def redact(self, text: str, *, any_case: bool = False) -> Redacted:
        """A text with pseudonyms in place of the personal data in it; what was found in earlier ones is known.

        Args:
            text: of any length; the time is linear in it.
            any_case: whether known names are found without a capital too.
        """
        written = views.written(text)
        digits = views.digits(written, self.rules.spoken)
        seen = {"written": written, "digits": digits, "spoken": digits}
        spans = self._found(text, seen)
        self._names.learn(span.value for span in spans if span.kind is PiiKind.PERSON)
        for span in spans:
            self._learn(span.kind, span.value)
        spans += self._again(text, seen)
        spans += [PiiSpan(-1, PiiKind.FILE, *named) for named in self._named(text, written)]
        spans += self._people(text, written, spans, any_case=any_case)
        found = tuple(
            PiiMatch(span.kind, span.start, span.end, self._pseudonym(span.kind, span.value)) for span in apart(spans)
        )
        return Redacted("".join(_pieces(text, found)), found)

    def know(self, kind: PiiKind, value: str) -> str:
        """The pseudonym of a value that something else tells, as a verdict on the patient; from now on it is found."""
        if kind is PiiKind.PERSON:
            self._names.learn([value])
        form = value if kind in _WORDED else views.written(value).data.decode()
        self._learn(kind, form)
        return self._pseudonym(kind, form)

    def file(self, name: str) -> str:
        """The pseudonym of a file's name, with its ending: "[FILE-1].jpg"; from now on it is found in texts too."""
        stem, dot, ending = name.rpartition(".")
        if not (stem and dot and ending.isalnum() and len(ending) <= _LONGEST_ENDING):
            return self._pseudonym(PiiKind.FILE, name)
        self._files.add(views.written(name).data.decode())
        self._file = compiled("|".join(re.escape(known) for known in sorted(self._files, key=len, reverse=True)))
        return f"{self._pseudonym(PiiKind.FILE, stem)}.{ending}"

    def digest(self, digest: str) -> str:
        """A keyed digest in place of a plain one, which would tell whether a text is one that somebody guesses."""
        return hmac.new(self.key, digest.encode(), hashlib.sha256).hexdigest()

    def _learn(self, kind: PiiKind, value: str) -> None:
        """Remember a value that something before it gave away, so that it is found where nothing does."""
        forms = both(value, self.rules) if kind is PiiKind.BIRTH else {same(kind, value, self.rules)}
        if kind in _REMEMBERED:
            self._known.setdefault(kind, set()).update(form for form in forms if len(form) >= _SHORTEST)

    def _found(self, text: str, seen: Mapping[str, TextView]) -> list[PiiSpan]:
        """What the rules find that need to know nothing."""
        spans: list[PiiSpan] = []
        for rank, rule in enumerate(self.rules.rules):
            if rule.check == "known" or (rule.view == "spoken" and seen["spoken"] is seen["written"]):
                continue
            spans += search(rule, rank, seen[rule.view], text, partial(self._passes, rule))
        return [replace(span, value=text[span.start : span.end]) if span.kind in _WORDED else span for span in spans]

    def _people(self, text: str, view: TextView, spans: Sequence[PiiSpan], *, any_case: bool) -> list[PiiSpan]:
        """Names that the tagger finds or that are known by now.

        It looks again at lines where pseudonyms will stand, until it finds nothing: the redacted text stays as it is.
        """
        names = tagger.shipped()
        people: list[PiiSpan] = []
        for look in range(_LOOKS):
            seen = views.masked(view, ((span.start, span.end) for span in (*spans, *people))) if look else view
            new = [(view.starts[first], view.ends[last - 1]) for first, last in names.names(seen, again=look > 0)]
            self._names.learn((text[start:end] for start, end in new), quiet=names.plain)
            if look and not new:
                break
            found = [(text[start:end], start, end) for start, end in new]
            found += self._names.known(text, view, any_case=any_case)
            people += [PiiSpan(len(self.rules.rules), PiiKind.PERSON, *one) for one in found]
        return people

    def _passes(self, rule: Rule, value: str, original: str) -> bool:
        if rule.kind is PiiKind.PERSON:
            return self._names.possible(original)
        return checks.passes(rule.check, value, original)

    def _again(self, text: str, seen: Mapping[str, TextView]) -> list[PiiSpan]:
        """Values that are known by now."""
        spans: list[PiiSpan] = []
        for rank, rule in enumerate(self.rules.rules):
            if rule.check == "known" and rule.kind in self._known:
                spans += search(rule, rank, seen[rule.view], text, partial(self._is_known, rule.kind))
        return spans

    def _is_known(self, kind: PiiKind, value: str, _: str) -> bool:
        return same(kind, value, self.rules) in self._known[kind]

    def _named(self, text: str, view: TextView) -> Iterator[tuple[str, int, int]]:
        """Where names of files stand, without their endings: the name, its first and last character."""
        for match in self._file.finditer(view.data) if self._file is not None else ():
            start, end = match.start(), view.data.rindex(b".", match.start(), match.end())
            first, last = view.starts[start], view.ends[end - 1]
            yield text[first:last], first, last

    def _pseudonym(self, kind: PiiKind, value: str) -> str:
        known = self._names.whole(value) if kind is PiiKind.PERSON else same(kind, value, self.rules)
        if self.keyed:
            mark = hmac.new(self.key, f"{kind} {known}".encode(), hashlib.sha256).hexdigest()[:_DIGITS]
            return f"[{kind}-{mark}]"
        numbers = self._numbers.setdefault(kind, {})
        return f"[{kind}-{numbers.setdefault(known, len(numbers) + 1)}]"


def _pieces(text: str, found: Sequence[PiiMatch]) -> Iterator[str]:
    place = 0
    for one in found:
        yield text[place : one.start]
        yield one.pseudonym
        place = one.end
    yield text[place:]
