"""Every entry of every table, of the shipped vocabulary and of each domain: well formed, and found where it belongs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from fakes import signal, source

from edge_assistant.evidence import Evidence, Field, Locator
from edge_assistant.perception.detectors import LABELS
from edge_assistant.reasoning.attributes import Mention, asked, labelled, phrase, told
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.phrasing import pattern
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, shipped, shipped_tables, within
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.candidates import FINDERS, find, singular
from edge_assistant.reasoning.values.spoken import spoken_numbers
from edge_assistant.reasoning.values.units import is_currency, meanings
from edge_assistant.reasoning.values.values import Day, Month, Quantity
from edge_assistant.signals import Kind

CHOSEN = {"shipped": shipped()} | {name: domain.load(name) for name in domain.names()}
ATTRIBUTES = [
    pytest.param(chosen, attribute, id=f"{name}-{key}")
    for name, chosen in CHOSEN.items()
    for key, attribute in chosen.attributes.items()
    if name == "shipped" or attribute != shipped().attributes.get(key)
]


def _is_new(chosen: Vocabulary, attribute: Attribute) -> bool:
    """Whether a domain adds an attribute."""
    return attribute.name not in {known.name for known in shipped().attributes.values()}


OF_BOTH = frozenset({"keep below", "store below", "do not store above"})  # a label of a limit is one of a temperature


@pytest.fixture(params=CHOSEN.values(), ids=CHOSEN)
def chosen(request: pytest.FixtureRequest) -> Iterator[Vocabulary]:
    """Each vocabulary, in force."""
    with within(request.param):
        yield request.param


# ---- attributes


@pytest.mark.parametrize(("chosen", "attribute"), ATTRIBUTES)
def test_an_attribute_is_well_formed(chosen: Vocabulary, attribute: Attribute) -> None:
    assert attribute.value in FINDERS
    assert attribute.units <= chosen.scales.keys()
    assert attribute.names
    with within(chosen):
        for place in ("names", "labels", "asked", "told"):
            phrases = [phrase(text) for text in getattr(attribute, place)]
            assert all(phrases), place
            for words in phrases:
                assert phrase(" ".join(words)) == words, "its singular is not its own singular"
            assert getattr(attribute, place) == tuple(text.lower().strip() for text in getattr(attribute, place))
            texts = Counter(getattr(attribute, place))
            assert [text for text, times in texts.items() if times > 1] == [], f"said twice in {place}"


@pytest.mark.parametrize(("chosen", "attribute"), ATTRIBUTES)
def test_an_attribute_is_found_by_each_of_its_names(chosen: Vocabulary, attribute: Attribute) -> None:
    with within(chosen):
        for name in attribute.names:
            assert attribute in _meant(asked(f"What is the {name}?")), name
            if not name.startswith("number of"):  # that counts, in a question
                assert attribute in understand(f"What is the {name}?").attributes, name
            assert attribute in _meant(labelled(f"{name.capitalize()}: ...")), name
            assert attribute in _meant(told(f"The {name} is so.")), name
        for name in attribute.labels:
            assert attribute in _meant(labelled(f"{name.upper()}: ...")), name
        for words in attribute.asked:
            assert attribute in _meant(asked(f"So {words} it?")), words
        for words in attribute.told:
            assert attribute in _meant(told(f"I know {words} that.")), words


def _meant(mentions: list[Mention]) -> list[Attribute]:
    return [mention.attribute for mention in mentions]


SAMPLES = {
    "number": "14", "date": "12 March 2026", "clock": "08:15", "identifier": "B-4711", "name": "Jane Porter",
    "truth": "yes", "pair": "120/80", "money": "12.50", "words": "stable", "items": "latex",
    "telephone": "07744 900123",
}  # fmt: skip
UNTOLD = frozenset({"words", "truth", "items"})  # in sentences these are said in other ways than "it is ..."


def sample(chosen: Vocabulary, attribute: Attribute) -> str:
    """A value that an attribute can have, as it is written."""
    if attribute.name == "intake time":
        return "at bedtime"
    if attribute.value != "quantity":
        return SAMPLES[attribute.value]
    unit = min(attribute.units, default=None)
    return next((f"5 {written}" for written, known in chosen.units.items() if known == unit), "5")


@pytest.mark.parametrize(("chosen", "attribute"), ATTRIBUTES)
def test_an_attribute_is_claimed_of_a_form(chosen: Vocabulary, attribute: Attribute) -> None:
    with within(chosen):
        value = sample(chosen, attribute)
        for name in (*attribute.names, *attribute.labels):
            given, label = signal(Kind.IMAGE), name.capitalize()
            place = Locator(box=(10, 10, 300, 20))
            line = Evidence("E1", given.id, f"{label}: {value}", 0.98, place, Field(label, value))
            told_of = {claim.attribute for claim in inventory(Source(given, (line,), None))}
            assert attribute.name in told_of, f"{label}: {value}"


@pytest.mark.parametrize(("chosen", "attribute"), [param for param in ATTRIBUTES if _is_new(*param.values)])
def test_an_attribute_of_a_domain_is_claimed_of_a_sentence(chosen: Vocabulary, attribute: Attribute) -> None:
    with within(chosen):
        value = sample(chosen, attribute)
        for name in attribute.names if attribute.value not in UNTOLD else ():
            said = f"The {name.replace('-', ' ')} is {value}."
            if "set up" in said or "change over" in said:
                continue  # a sentence that asks for something to be set or changed
            assert attribute.name in {claim.attribute for claim in inventory(source([said]))}, said


def test_no_name_means_two_attributes_of_one_type(chosen: Vocabulary) -> None:
    meant: dict[tuple[tuple[str, ...], str], str] = {}
    for attribute in chosen.attributes.values():
        for name in attribute.names:
            assert meant.setdefault((phrase(name), attribute.value), attribute.name) == attribute.name, name


@pytest.mark.parametrize("place", ["labels", "asked", "told"])
def test_no_phrase_means_two_attributes_of_one_type_and_unit(chosen: Vocabulary, place: str) -> None:
    meant: dict[tuple[tuple[str, ...], str, str], Attribute] = {}
    for attribute in chosen.attributes.values():
        for text in getattr(attribute, place):
            for unit in attribute.units or [""]:
                other = meant.setdefault((phrase(text), attribute.value, unit), attribute)
                assert other == attribute or text in OF_BOTH, f"{text}: {other.name}, {attribute.name}"


def test_what_attributes_are_of_is_a_word(chosen: Vocabulary) -> None:
    assert {attribute.per for attribute in chosen.attributes.values()} <= {None, "item", "drug"}


@pytest.mark.parametrize("name", domain.names())
def test_a_domain_adds_at_least_fifteen_attributes(name: str) -> None:
    assert len(CHOSEN[name].attributes.keys() - shipped().attributes.keys()) >= 15


# ---- units


def test_each_writing_of_a_unit_is_read_as_it(chosen: Vocabulary) -> None:
    for written, unit in chosen.units.items():
        kind = "money" if is_currency(unit) else "quantity"
        text = f"It is 5 {written}."
        found = [c.value.unit for c in find(kind, text) if isinstance(c.value, Quantity)]
        assert found, text
        assert found[0] is not None, text
        assert meanings(found[0], unit), f"{text} {found[0]} and not {unit}"


def test_scales_have_a_size_and_a_base(chosen: Vocabulary) -> None:
    dimensions = {scale.dimension for scale in chosen.scales.values() if scale.dimension}
    for dimension in dimensions:
        assert any(scale.size == 1 for scale in chosen.scales.values() if scale.dimension == dimension), dimension
    assert all(scale.size > 0 for scale in chosen.scales.values())


def test_what_refers_to_units_and_attributes_finds_them(chosen: Vocabulary) -> None:
    names = {attribute.name for attribute in chosen.attributes.values()}
    assert chosen.unit_names.keys() <= chosen.scales.keys()
    assert set(chosen.unit_names.values()) <= chosen.attributes.keys()
    assert set(chosen.misread.values()) <= chosen.scales.keys()
    assert set(chosen.misheard.values()) <= chosen.scales.keys()
    assert set(chosen.hundredths.values()) <= {"", *chosen.scales}
    assert chosen.also.keys() | set().union(*chosen.also.values()) <= chosen.scales.keys()
    assert chosen.telling["units"].keys() <= names
    alone = [unit for units in chosen.telling["units"].values() for unit in units]
    assert set(alone) <= chosen.scales.keys()
    assert len(set(alone)) == len(alone), "a unit alone means two attributes"
    assert set(chosen.telling["words"]["doses"]) <= chosen.scales.keys()
    assert chosen.written["on_receipts"] <= names


def test_a_unit_alone_means_an_attribute_that_can_have_it(chosen: Vocabulary) -> None:
    by_name = {attribute.name: attribute for attribute in chosen.attributes.values()}
    for name, units in chosen.telling["units"].items():
        assert set(units) <= by_name[name].units, name
    for unit, key in chosen.unit_names.items():
        assert unit in chosen.attributes[key].units, key


# ---- numbers, days, plurals


def test_each_number_word_is_a_number(chosen: Vocabulary) -> None:
    for word, number in chosen.numbers.items():
        assert spoken_numbers(word) == (number,), word


def test_each_month_and_ordinal_makes_a_day(chosen: Vocabulary) -> None:
    for word, month in chosen.months.items():
        assert {_month(c.value) for c in find("date", f"3 {word.title()} 2024")} == {month}, word
    for word, day in chosen.ordinals.items():
        (found,) = find("date", f"the {word} of March 2024")
        assert isinstance(found.value, Day)
        assert found.value.readings == ((2024, 3, day),)


def _month(value: object) -> int | None:
    match value:
        case Day(readings):
            return readings[0][1]
        case Month(_, month):
            return month
    return None


def test_each_plural_has_a_singular_that_stays(chosen: Vocabulary) -> None:
    for plural, word in chosen.singular.items():
        assert singular(plural) == word
        assert singular(word) == word, word


# ---- things


def test_categories_and_synonyms_lead_to_labels_of_the_detector(chosen: Vocabulary) -> None:
    for noun, labels in chosen.categories.items():
        assert singular(noun) == noun
        assert labels <= set(LABELS), noun
        assert understand(f"Which {noun} is in the picture?").category == noun
    for word, label in chosen.synonyms.items():
        assert label in LABELS, word
        assert word not in LABELS, word
        assert word == word.lower()


# ---- words and phrases


def entries(tables: dict, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each list of texts of the tables that are words as they are found, with its path."""
    for key, value in tables.items():
        own = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from entries(value, own)
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield own, value


LISTS = [
    pytest.param(path, texts, id=path)
    for path, texts in entries(dict(shipped_tables()))
    if not re.match(
        r"(attributes|unit|tolerance|also|examples|computing|pointed|asides|telling\.units|telling\.words\.doses"
        r"|measuring\.periods)\b",
        path,
    )
]


@pytest.mark.parametrize(("path", "texts"), LISTS)
def test_words_are_as_they_are_compared(path: str, texts: list[str]) -> None:
    assert texts, "an empty list"
    for text in texts:
        assert text == text.lower(), text
        assert text == " ".join(text.split()), text
        assert text
    assert [text for text, times in Counter(texts).items() if times > 1] == [], "said twice"


@pytest.mark.parametrize("group", [g for g in shipped().measuring if f"measuring.{g}" not in domain.FIXED])
def test_each_phrase_over_readings_is_found(chosen: Vocabulary, group: str) -> None:
    for name, phrases in chosen.measuring[group].items():
        for text in phrases:
            said = f"well {text.replace('...', 'the level')} then"
            assert pattern(tuple(phrases)).search(said), f"{name}: {text}"


@pytest.mark.parametrize("group", [g for g in shipped().telling if g != "units"])
def test_each_phrase_of_told_sentences_is_found(chosen: Vocabulary, group: str) -> None:
    for name, phrases in chosen.telling[group].items():
        for text in phrases:
            assert pattern(tuple(phrases)).search(f"well {text} then"), f"{name}: {text}"


def test_hedges_make_a_number_approximate_or_open(chosen: Vocabulary) -> None:
    for kind, words in chosen.hedges.items():
        for word in words:
            found = [c.value for text in (f"it is {word} 40 kg", f"it is 40 kg {word}") for c in find("quantity", text)]
            quantities = [value for value in found if isinstance(value, Quantity)]
            open_ones = [q for q in quantities if q.least is not None or q.most is not None]
            assert open_ones or any(q.approximate for q in quantities), f"{kind}: {word}"


def test_words_for_none_say_that_there_is_none(chosen: Vocabulary) -> None:
    for word in chosen.words["none"]:
        assert list(find("items", word)), word
