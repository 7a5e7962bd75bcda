"""Lines from which the tagger of names learns: templates of english.txt, german.txt and those without names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent
NAMED = frozenset({"n", "f", "l", "lf", "il"})  # fields that are names
_PLAIN = ("drug", "med_de", "dis", "krank", "part", "teil", "machine", "maschine", "label", "label_de", "tech")
_FIELD = re.compile(r"\{(\w+)\}")
_NEAR = {
    "e": ("en_US", "en_GB", "en_IE", "en_NZ", "census"),
    "d": ("de_DE", "de_AT", "de_CH", "de_LU", "zxcvbn-de"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A text, where the names in it stand, its language (`e` or `d`), and whether it is made from a template."""

    text: str
    names: tuple[tuple[int, int], ...]
    language: str
    made: bool


Listed = dict[str, set[str]]  # names, and where they are usual


@dataclass
class Lines:
    """Makes lines.

    Attributes:
        random: decides.
        first: given names.
        last: family names.
        cities: towns of the language `e` or `d`.
        drugs: rarer ones than those of words.toml.
    """

    random: Random
    first: Listed
    last: Listed
    cities: dict[str, list[str]]
    drugs: list[str]
    _words: dict[str, list[str]] = field(init=False)
    _templates: dict[str, list[str]] = field(init=False)
    _pools: dict[tuple[str, str], list[str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read the templates and words."""
        self._words = tomllib.loads((FOLDER / "words.toml").read_text("utf-8"))
        files = {"e": "english.txt", "e-": "english_plain.txt", "d": "german.txt", "d-": "german_plain.txt"}
        for listed, name in ((self.first, "first"), (self.last, "last")):
            for language, places in _NEAR.items():
                self._pools[name, language] = _usual(listed, places)
            self._pools[name, "far"], self._pools[name, "all"] = _usual(listed, self._words["far"]), sorted(listed)
        self._templates = {
            key: [line.replace("\\n", "\n") for line in (FOLDER / name).read_text("utf-8").splitlines() if line]
            for key, name in files.items()
        }

    def line(self) -> Line:
        """One to three templates together."""
        language = "d" if self.random.random() < 0.45 else "e"
        text, names = "", []
        for _ in range(self.random.choice([1, 1, 1, 2, 2, 3])):
            text += self.random.choice([" ", ". ", "\n", "\n", ", ", "  "]) if text else ""
            part, found = self._filled(language)
            names += [(start + len(text), end + len(text)) for start, end in found]
            text += part
        return Line(text, tuple(names), language, made=True)

    def plain(self) -> Iterable[str]:
        """Words for drugs, diseases, parts and machines, of forms and of logs."""
        return [word for name in _PLAIN for word in self._words[name]]

    def swapped(self, line: Line, share: float) -> Line:
        """A line with other names in place of some of its own."""
        text, names, place = "", [], 0
        for start, end in line.names:
            name = line.text[start:end]
            if name[:1].isupper() and self.random.random() < share:
                name = self.name(line.language, whole=" " in name)
            text += line.text[place:start] + name
            names.append((len(text) - len(name), len(text)))
            place = end
        return replace(line, text=text + line.text[place:], names=tuple(names))

    def recased(self, line: Line) -> Line:
        """A line, sometimes as a recogniser of speech or of print writes it: in small letters, or in capitals."""
        chance, text = self.random.random(), line.text
        small, large = (0.16, 0.14) if line.made else (0.08, 0.06)
        if chance < small and len(text.lower()) == len(text):
            text = text.lower()
            if self.random.random() < 0.7:
                text = re.sub(r'[,.;:!?()"](?!\d)', " ", text)
        elif small <= chance < small + large:
            text = "".join(c.upper() if len(c.upper()) == 1 else c for c in text)
        return replace(line, text=text)

    def name(self, language: str, *, whole: bool) -> str:
        """A name of two words, or one that stands alone."""
        if whole:
            return f"{self._first(language)} {self._last(language)}"
        return self._first(language) if self.random.random() < 0.5 else self._last(language)

    def _filled(self, language: str) -> tuple[str, list[tuple[int, int]]]:
        kind = language if self.random.random() < 0.55 else f"{language}-"
        template = self.random.choice(self._templates[kind])
        text, names, place = "", [], 0
        for match in _FIELD.finditer(template):
            value = self._value(match[1], language)
            text += template[place : match.start()] + value
            if match[1] in NAMED:
                names.append((len(text) - len(value), len(text)))
            place = match.end()
        text += template[place:]
        if template == template.lower() and len(text.lower()) == len(text) and self.random.random() < 0.5:
            text = text.lower()  # as a transcript of speech has names too
        return text, names

    def _value(self, name: str, language: str) -> str:
        made = getattr(self, f"_{name}", None)
        if made is not None:
            return str(made(language))
        if name == "drug":
            drug = self.random.choice(self._words["drug"] if self.random.random() < 0.5 else self.drugs)
            return drug.capitalize() if self.random.random() < 0.3 else drug
        if name == "med_de" and self.random.random() < 0.5:
            return self.random.choice(self.drugs).capitalize()
        return self.random.choice(self._words[name])

    def _n(self, language: str) -> str:
        chance, first, last = self.random.random(), self._first(language), self._last(language)
        if chance < 0.74:
            return f"{first} {last}"
        if chance < 0.80:
            return f"{first} {self._letter()}{self.random.choice(['. ', ' '])}{last}"
        if chance < 0.86:
            return f"{first} {self._first(language)} {last}"
        if chance < 0.90:
            return f"{first} {last} {self._last(language)}"
        return self._il(language) if chance < 0.93 else f"{last} {first}" if chance < 0.96 else first

    def _first(self, language: str) -> str:
        if self.random.random() < 0.04:
            return self.random.choice(self._words["ambiguous" if language == "e" else "ambiguous_de"])
        pool = self.random.choices([language, "far", "all", "put"], [10, 6, 4, 1])[0]
        put = self._words["front_far"], self._words["end_far"]
        name = "".join(map(self.random.choice, put if pool == "put" else [self._pools["first", pool]]))
        if self.random.random() < 0.02 and len(name) > 4:
            name = name[: self.random.randint(2, 4)]  # as friends say it
        return f"{name}-{self.random.choice(self._pools['first', 'all'])}" if self.random.random() < 0.04 else name

    _f = _first
    _xf = _first

    def _last(self, language: str) -> str:
        chance, name = self.random.random(), self._family(language)
        if chance < 0.10:
            return f"{name}-{self._family(language)}"
        if chance < 0.15:
            return f"{self.random.choice(self._words['particle'])} {name}"
        return f"{self.random.choice(self._words['prefix'])}{name}" if chance < 0.18 else name

    _l = _last

    def _lf(self, language: str) -> str:
        more = f" {self._first(language)}" if self.random.random() < 0.2 else ""
        return f"{self._last(language)}, {self._first(language)}{more}"

    def _il(self, language: str) -> str:
        forms = ["{0}. {2}"] * 7 + ["{0}. {1}. {2}", "{0} {2}", "{2} {0}."]
        return self.random.choice(forms).format(self._letter(), self._letter(), self._last(language))

    def _xl(self, language: str) -> str:
        return self._value("ep", language) if self.random.random() < 0.3 else self._family(language)

    def _xn(self, language: str) -> str:
        return f"{self._first(language)} {self._family(language)}"

    def _family(self, language: str) -> str:
        """A family name: one of the lists, or one that is in none."""
        pools = ["near", "far", "all", "german", "english", "ending", "put"]
        pool = self.random.choices(pools, [28, 23, 18, 9, 9, 7, 6])[0]
        choice, words = self.random.choice, self._words
        if pool == "german":
            return choice(words["family_front_de"]) + choice(words["family_end_de"])
        if pool == "english":
            return choice(words["family_front"]) + choice(words["family_end"])
        if pool == "put":
            return choice(words["front_far"]) + choice(words["end_far"])
        if pool == "ending":
            return re.sub("[aeiouy]+$", "", choice(self._pools["last", "all"])) + choice(words["family_ending"])
        return choice(self._pools["last", language if pool == "near" else pool])

    def _letter(self) -> str:
        return chr(65 + self.random.randrange(26))

    def _number(self, least: int, most: int) -> str:
        return str(self.random.randint(least, most))

    def _num(self, language: str) -> str:
        return self._number(1, 99)

    def _dose(self, language: str) -> str:
        return f"{self.random.choice([2.5, 5, 10, 20, 50, 75, 100, 250, 500])} {self.random.choice(['mg', 'µg', 'ml'])}"

    def _bp(self, language: str) -> str:
        return f"{self._number(100, 180)}/{self._number(60, 99)}"

    def _time(self, language: str) -> str:
        return f"{self._number(0, 23):0>2}:{self._number(0, 59):0>2}"

    def _date(self, language: str) -> str:
        day, month, year = self._number(1, 28), self._number(1, 12), self._number(1930, 2025)
        named = self._value("month" if language == "e" else "monat", language)
        dot = "" if language == "e" else "."
        forms = [f"{day:0>2}.{month:0>2}.{year}", f"{day}{dot} {named} {year}", f"{day}{dot} {named}"]
        return self.random.choice([*forms, f"{day:0>2}/{month:0>2}/{year}"] if language == "e" else forms)

    _datum = _date

    def _phone(self, language: str) -> str:
        return f"0{self._number(1000, 9999)} {self._number(100000, 999999)}"

    def _email(self, language: str) -> str:
        return self.random.choice(["info@example.org", "m.k@mail.example", "office@example.org", "a_b@mail.example"])

    def _id(self, language: str) -> str:
        return self.random.choice(["", "KD-", "A", "T", "EMP-"]) + self._number(10000, 99999999)

    def _code(self, language: str) -> str:
        return self.random.choice("ABCEFHMX") + self._number(1, 999)

    def _plate(self, language: str) -> str:
        return "AB12 CDE"

    def _kz(self, language: str) -> str:
        return f"{self.random.choice(['TÜ', 'B', 'HH'])}-{self.random.choice(['AP', 'X'])} {self._number(1, 999)}"

    def _money(self, language: str) -> str:
        return f"{self.random.choice('$£€')}{self._number(1, 900)}.{self._number(0, 99):0>2}"

    def _company(self, language: str) -> str:
        owner = self._family(language) if self.random.random() < 0.6 else self._city(language)
        return f"{owner} {self._value('co', language)}"

    def _city(self, language: str) -> str:
        return self.random.choice(self.cities[language])

    def _city_de(self, language: str) -> str:
        return self._city("d")

    def _car(self, language: str) -> str:
        return self._value("brand", language)

    def _auto(self, language: str) -> str:
        return self._value("brand_de", language)

    def _street(self, language: str) -> str:
        return f"{self._family('e')} {self._value('street_end', language)}"

    def _street_de(self, language: str) -> str:
        fronts = [*self._words["street_front_de"], self._family("d")]
        return self.random.choice(fronts) + self._value("street_end_de", language)

    def _addr(self, language: str) -> str:
        return f"{self._num(language)} {self._street(language)}, {self._city('e')}"

    def _addr_de(self, language: str) -> str:
        return f"{self._street_de(language)} {self._num(language)}, {self._number(10000, 99999)} {self._city('d')}"

    def _obj_dl(self, language: str) -> str:
        return self._value("obj_de", language).lower()


def _usual(listed: Listed, places: Iterable[str]) -> list[str]:
    wanted = set(places)
    return sorted(name for name, where in listed.items() if where & wanted)
