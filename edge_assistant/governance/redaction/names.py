"""Names of people: what can be one, whose it is, and where it stands again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from edge_assistant.governance.redaction.rules import compiled_once
from edge_assistant.governance.redaction.views import TextView

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NAMED, _ANY_CASE = r"\b[A-Z](?:'[A-Z])?[A-Za-z]{1,30}\b", "(?i)"  # patterns of RE2: what can be a name
_SHORTEST = 3  # letters of a name that is looked for where it stands alone
_POSSESSIVE = ("'s", "’s")
_NO_INITIALS = frozenset({"A", "I"})  # unless a full stop tells that they are
_BETWEEN = frozenset({" ", "-", ", ", "/"})  # two words of one name


class Names:
    """The names of one conversation."""

    def __init__(self, no_names: frozenset[str], shy: frozenset[str]) -> None:
        """Know none yet.

        Args:
            no_names: words that are no part of a name, lower case.
            shy: names that are other words too, and mean nobody where they stand alone.
        """
        self._no_names = no_names
        self._shy = shy
        self._of: dict[str, str] = {}  # whose a word is: the person's first known name
        self._sought: set[str] = set()  # those of them that are looked for where they stand alone

    def possible(self, text: str) -> bool:
        """Whether a text can be a name: no word of it is one that no name has."""
        words = _WORD.findall(text)
        if not words or words[-1].endswith(_POSSESSIVE):
            return False
        if any(word in _NO_INITIALS and f"{word}." not in text for word in words):
            return False
        longer = [word.casefold() for word in words if len(word) > 1 or word.islower()]  # others are initials
        return bool(longer) and not self._no_names.intersection(longer)

    def learn(self, names: Iterable[str], quiet: Callable[[str], bool] = lambda word: False) -> None:
        """Remember names, so that their words are found where they stand alone.

        Args:
            names: what was found.
            quiet: whether a word is known again where something else finds it, but not looked for.
        """
        for name in names:
            whole = self.whole(name)
            for word in self._words(name):
                if len(word) >= _SHORTEST:
                    self._of.setdefault(word, whole)
                    if word not in self._shy and not quiet(word):
                        self._sought.add(word)

    def whole(self, name: str) -> str:
        """The form in which names are compared: "Smith" is the John Smith that is known, "Fischer, Anna" Anna Fischer.

        Where "Smith" was known before, John Smith is that one.
        """
        words = self._words(name)
        if len(words) == 1:
            return self._of.get(words[0], words[0])
        known = (self._of[word] for word in words if self._of.get(word) == word)
        return next(known, " ".join(sorted(words)))

    def known(self, text: str, view: TextView, *, any_case: bool) -> Iterator[tuple[str, int, int]]:
        """Where known names stand, with a capital or in any case: the name, its first and last character."""
        if not self._sought:
            return
        first, last, whose = -1, -1, ""
        for match in compiled_once(_ANY_CASE + _NAMED if any_case else _NAMED).finditer(view.data):
            start, end = view.starts[match.start()], view.ends[match.end() - 1]
            word = _plain(text[start:end])
            if word not in self._sought:
                continue
            person = self._of[word]
            if person == whose and text[last:start] in _BETWEEN:
                last = end
                continue
            if whose:
                yield text[first:last], first, last
            first, last, whose = start, end, person
        if whose:
            yield text[first:last], first, last

    def _words(self, name: str) -> list[str]:
        """The words of a name in lower case, without initials; all of them where there are only such."""
        words = [_plain(word).removesuffix("'s") for word in _WORD.findall(name)]
        return [word for word in words if len(word) > 1] or words or [_plain(name)]


def _plain(word: str) -> str:
    """A word in lower case without accents, which not everybody writes."""
    parts = unicodedata.normalize("NFKD", word.replace("’", "'").casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
