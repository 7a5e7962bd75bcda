"""A domain file adds to the vocabulary; what is wrong in it is said in one line that names the entry and what to do."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from helpers.typed import FINDERS
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Kind
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.vocabulary import DomainExample, Vocabulary, shipped, shipped_tables, within

NAMES = '[names]\n"body temperature" = ["temp", "pyrexia"]\n'
EXAMPLE = (
    '[[examples]]\nlines = ["Bed 4: K+ 3.9"]\nasked = [["What is the potassium?", "3.9"], ["Sodium?", "not told"]]\n'
)


@pytest.fixture
def load(tmp_path: Path):
    def load(text: str | bytes) -> Vocabulary:
        path = tmp_path / "ward.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return domain.load(str(path))

    return load


def asked(question: str) -> str:
    """A question as the model is asked it."""
    return prompts.reading(Kind.TEXT, ["a line"], question)[-1].content.partition("Question: ")[2]


# ---- what it adds


@pytest.mark.parametrize(
    ("question", "added"),
    [
        ("What was the temp?", " (body temperature = temp = pyrexia)"),
        ("What was her Body Temperature?", " (body temperature = temp = pyrexia)"),
        ("Is it only temporary?", ""),
        ("What was the weight?", ""),
    ],
)
def test_the_model_is_told_the_other_names_of_what_is_asked(load, question, added):
    assert asked(question) == question
    with within(load(NAMES)):
        assert asked(question) == question + added


def test_the_model_is_shown_the_examples_of_a_domain_behind_those_that_ship(load):
    chosen = load(EXAMPLE)
    before = prompts.reading(Kind.TEXT, ["a line"], "When?")
    with within(chosen):
        after = prompts.reading(Kind.TEXT, ["a line"], "When?")
        beginnings = prompts.beginnings()
    pairs = (("What is the potassium?", "3.9"), ("Sodium?", "not told"))
    assert chosen.examples == (DomainExample(("Bed 4: K+ 3.9",), pairs),)
    assert [turn.content for turn in after[: len(before) - 1]] == [turn.content for turn in before[:-1]]
    new = [turn.content for turn in after[len(before) - 1 : -1]]
    assert new == [
        "Source, a text:\nBed 4: K+ 3.9\n\nQuestion: What is the potassium?",
        "3.9",
        "Question: Sodium?",
        "not told",
    ]
    assert after[-1] == before[-1]
    assert after[:-1] in [[*turns] for turns in beginnings], "what is read before there is a question is another prompt"


def test_a_unit_is_added_and_converts(load):
    own = '[unit.stoneweight]\ndimension = "mass"\nsize = "12700.5"\nwritten = ["stw"]'
    chosen = load(f'{own}\n[unit.ml]\nwritten = ["millis"]')
    assert chosen.scales["stoneweight"].size == Fraction("12700.5")
    with within(chosen):
        for text, unit in (("It weighs 3 stw", "stoneweight"), ("5 millis", "ml")):
            (found,) = FINDERS["quantity"](text)
            assert found.value.unit == unit


def test_a_tolerance_is_overridden_and_the_rest_of_its_row_stays(load):
    chosen = load("[tolerance.temperature]\nleast = 0.5\n[tolerance.measured]\nhalf_units = 2")
    assert chosen.tolerances["temperature"].least == Fraction(1, 2)
    assert chosen.tolerances["temperature"].share == shipped().tolerances["temperature"].share
    assert chosen.tolerances["measured"].half_units == 2


def test_the_shipped_tables_stay_as_they_are(load):
    before = repr(shipped_tables())
    for name in domain.names():
        domain.load(name)
    load(NAMES + EXAMPLE + '[unit.ml]\nwritten = ["millis"]\n[tolerance.about]\nshare = 0.2')
    assert repr(shipped_tables()) == before


def test_a_shipped_domain_is_given_by_its_name_and_another_by_its_path(tmp_path, monkeypatch):
    assert {"clinic", "production-line"} <= set(domain.names())
    monkeypatch.chdir(tmp_path)
    Path("clinic").write_text(NAMES)
    assert domain.load("./clinic").names == {"body temperature": ("temp", "pyrexia")}
    assert "potassium" in domain.load("clinic").names


# ---- what is wrong

WRONG = [
    ('[nams]\npulse = ["hr"]', "[nams]: there is no such table", "did you mean 'names'?"),
    ("pulse = 1", "[pulse]: there is no such table", "names, examples, unit, tolerance"),
    ("[numbers]\nsix = 7", "[numbers]: there is no such table", "did you mean 'names'?"),
    ("name = 1", "name: is a number and should be a text", "quotes"),
    ('description = ""', "description: is empty", "leave the entry out"),
    (f'description = "{"x" * 301}"', "description: is not a text of one line of at most 300 characters", "shorten"),
    ('description = "a\\tb"', "description: is not a text of one line", "shorten"),
    ("names = 3", "[names]: is not a table", "write [names]"),
    ('[names]\npulse = "hr"', "[names] pulse: is a text and should be a list of texts", "brackets"),
    ("[names]\npulse = [1]", "[names] pulse: is a number and should be a text", "quotes"),
    ('[names]\nPulse = ["hr"]', "[names] Pulse: 'Pulse' has capital letters", "write 'pulse'"),
    ('[names]\npulse = ["HR"]', "[names] pulse: 'HR' has capital letters", "write 'hr'"),
    ('[names]\npulse = ["a  b"]', "[names] pulse: 'a  b' is not a phrase", "shorten"),
    ('[names]\npulse = ["a b c d e f g h i"]', "'a b c d e f g h i' is not a phrase of at most 8 words", "shorten"),
    (f'[names]\npulse = ["{"x" * 81}"]', "[names] pulse: is not a text of one line of at most 80", "shorten"),
    ('[names]\npulse = ["hr"]\n"heart rate" = ["hr"]', "'hr' is a name of 'pulse', too", "take another name"),
    ('[names]\npulse = ["hr"]\nhr = ["beat"]', "[names] hr: 'hr' is a name of 'pulse', too", "take another name"),
    ("examples = 3", "[examples]: is not a list of tables", "write [[examples]]"),
    (EXAMPLE * 4, "[examples]: has 4 entries, over the limit of 3", "differ most"),
    (EXAMPLE + "kind = 3", "[examples] kind: 'kind' is no key of an example", "there are lines, asked"),
    ('[[examples]]\nasked = [["a", "b"]]', "[examples] lines: has 0 lines", "1 to 12 lines"),
    (EXAMPLE.replace('["Bed 4: K+ 3.9"]', str(["x"] * 13)), "[examples] lines: has 13 lines", "1 to 12 lines"),
    (EXAMPLE.replace('["Bed 4: K+ 3.9"]', "3"), "[examples] lines: is a number and should be a list", "brackets"),
    ('[[examples]]\nlines = ["x"]', "[examples] asked: is not a list of pairs", "asked = [["),
    ('[[examples]]\nlines = ["x"]\nasked = [["a", 3]]', "[examples] asked: is a number and should be", "quotes"),
    ("unit = 3", "[unit]: is not a table", "write [unit]"),
    ("[unit]\nkg = 3", "[unit.kg]: is not a table", "write [unit.kg]"),
    ("[unit.kg]\nsize = 3", "[unit.kg] size: may not be changed", "further writings only"),
    ("[unit.cfu]\nsize = 1", "[unit.cfu] written: is missing", "written and spoken"),
    ('[unit.cfu]\nwritten = ["cfu"]\nsize = 1', "[unit.cfu]: has a size and no dimension", "dimension"),
    ('[unit.cfu]\nwritten = ["cfu"]\nsizes = 1', "[unit.cfu] sizes: 'sizes' is no key", "did you mean 'size'?"),
    ('[unit.cfu]\nwritten = ["mg"]', "[unit.cfu] written: 'mg' is how 'mg' is written", "another writing"),
    ('[unit."U/l"]\nwritten = ["U/l"]', "[unit.\"U/l\"] written: 'U/l' has capital letters", "add 'u/l'"),
    ('[unit.x]\nwritten = ["xx"]\ndimension = "mass"', "[unit.x] size: is no number", "5/9"),
    ('[unit.x]\nwritten = ["xx"]\ndimension = "mass"\nsize = "1e999999999"', "[unit.x] size: is no number", "5/9"),
    ('[unit.x]\nwritten = ["xx"]\ndimension = "mass"\nsize = "1/0"', "[unit.x] size: is no number", "5/9"),
    ('[unit.x]\nwritten = ["xx"]\ndimension = "mass"\nsize = "0/5"', "[unit.x] size: is 0", "base units"),
    ("tolerance = 3", "[tolerance]: is not a table", "write [tolerance]"),
    ("[tolerance.abuot]\nshare = 0.1", "[tolerance.abuot]: 'abuot' is no rule of tolerance", "did you mean 'about'?"),
    ("[tolerance.about]\nshare = -0.1", "[tolerance.about] share: -0.1 is negative", "0 or more"),
    ("[tolerance.about]\nshares = 0.1", "[tolerance.about] shares: 'shares' is no key", "did you mean 'share'?"),
    ("[tolerance.about]\nshare = true", "[tolerance.about] share: is no number", "0.05"),
    ("[tolerance.about]\nmeans = 3", "[tolerance.about] means: is a number and should be a text", "quotes"),
    ("[tolerance.measured]\nhalf_units = 0.5", "half_units: is not a whole number", "rounding"),
    ("colour", "domain ward.toml is not TOML (", "docs/domains.md"),
    (b"name = '\xff'", "domain ward.toml is not TOML (", "docs/domains.md"),
    ("a = " + "[" * 5000, "domain ward.toml is not TOML (nested over 16 deep)", "docs/domains.md"),
    ("a = " + "1" * 5000, "domain ward.toml is not TOML (", "docs/domains.md"),
    ("[" + "a." * 3000 + "a]", "domain ward.toml is not TOML (nested over 16 deep)", "docs/domains.md"),
    ("# " + "x" * domain.MAX_BYTES, "domain ward.toml has 65,538 bytes, over the limit of 65,536", "leave out"),
    ("", "domain ward.toml is empty", "clinic, production-line"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said", "hint"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_what_is_wrong_is_named_with_what_to_do(load, tmp_path, text, said, hint):
    with pytest.raises(UsageError) as caught:
        load(text)
    error = caught.value
    assert said in error.message
    assert "ward.toml" in error.message
    assert hint in error.hint
    assert error.exit_status == 2
    for line in (error.message, error.hint):
        assert line
        assert "\n" not in line
        assert not line.endswith(".")
        assert str(tmp_path) not in line


@pytest.mark.parametrize("given", ["nowhere.toml", "nowhere/at/all", "a\0b", "x" * 5000])
def test_a_file_that_is_not_there(given, tmp_path):
    with pytest.raises(UsageError, match=r"^domain ") as caught:
        domain.load(given)
    assert "clinic, production-line" in caught.value.hint
    with pytest.raises(UsageError, match="is a directory"):
        domain.load(str(tmp_path))


# ---- a file of others

PATTERNS = ["(a+)+$", "[", "*", "\\", "a|b", "(?#x", "x{9999}", "^", "a+"]


def test_nothing_of_a_file_is_used_as_a_pattern():
    odd = {
        "names": {sign: [f"{sign} of it"] for sign in PATTERNS},
        "examples": [{"lines": PATTERNS, "asked": [[sign, sign] for sign in PATTERNS]}],
        "unit": {"odd": {"written": ["(a+)+$", "[", "*"]}},
    }
    hostile = "What is the " + "a" * 3000 + "! [x] 5 * 6 (a+)+$"
    with within(domain.merge(odd, "ward.toml")):
        assert " = a+" not in asked("a" * 3000)
        assert "(a+)+$ = (a+)+$ of it" in asked(hostile)
        for finder in FINDERS:
            list(FINDERS[finder](hostile))
        units = {found.value.unit for found in FINDERS["quantity"]("It is 5 (a+)+$")}
    assert "odd" in units


scalars = st.one_of(st.text(max_size=6), st.integers(), st.floats(), st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
)
keys = st.sampled_from(["kg", "about", "lines", "asked", "written", "size", "dimension", "zero", "share", "means"])
entries = st.dictionaries(keys, st.one_of(values, st.dictionaries(keys, values, max_size=3)), max_size=3)
tables = st.dictionaries(
    st.sampled_from(["name", "description", "names", "examples", "unit", "tolerance", "words", "other"]),
    st.one_of(values, entries, st.lists(entries, max_size=4)),
    max_size=4,
)


@settings(max_examples=40)
@given(tables)
def test_any_tables_are_a_vocabulary_or_a_usage_error(given_tables):
    try:
        assert isinstance(domain.merge(given_tables, "ward.toml"), Vocabulary)
    except UsageError as error:
        assert error.message.startswith("ward.toml: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


@given(st.binary(max_size=80))
def test_any_bytes_are_a_vocabulary_or_a_usage_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    try:
        assert isinstance(domain.load(str(path)), Vocabulary)
    except UsageError as error:
        assert "any.toml" in error.message  # noqa: PT017


# ---- those that ship


def test_each_name_of_a_shipped_domain_is_known_to_the_model():
    for name in domain.names():
        chosen = domain.load(name)
        assert len(chosen.names) >= 15
        with within(chosen):
            for thing, others in chosen.names.items():
                assert all(f"{thing} = " in asked(f"What is the {each}?") for each in (thing, *others)), thing
