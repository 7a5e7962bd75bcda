"""A domain file adds to the vocabulary; what is wrong in it is said in one line that names the entry and what to do."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from fakes import source
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.errors import UsageError
from edge_assistant.reasoning.attributes import asked, labelled, told
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.lookup import looked_up
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, shipped, shipped_tables, within
from edge_assistant.reasoning.values.candidates import FINDERS, find

POTASSIUM = '[attributes.potassium]\nvalue = "quantity"\nnames = ["potassium"]\nunits = ["mmol/l"]\n'


@pytest.fixture
def load(tmp_path: Path):
    def load(text: str | bytes) -> Vocabulary:
        path = tmp_path / "ward.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return domain.load(str(path))

    return load


# ---- what it adds


def test_an_attribute_is_added(load):
    chosen = load(POTASSIUM)
    assert [mention.attribute.name for mention in asked("What is the potassium?")] == []
    with within(chosen):
        assert [mention.attribute.name for mention in asked("What is the potassium?")] == ["potassium"]
        assert understand("What is the potassium?").units == {"mmol/l"}
    assert chosen.attributes.keys() - shipped().attributes.keys() == {"potassium"}


def test_lists_are_added_to_and_single_values_replaced(load):
    chosen = load(
        '[attributes.pulse]\nnames = ["heartbeat"]\nquestion = "How fast does the heart beat?"\nvalue = "number"'
    )
    before, after = shipped().attributes["pulse"], chosen.attributes["pulse"]
    assert after.names == (*before.names, "heartbeat")
    assert (after.question, after.value, after.units) == ("How fast does the heart beat?", "number", before.units)


def test_a_name_is_taken_away_and_given_to_another(load):
    chosen = load(
        '[attributes.temperature]\nwithout = ["Temperature"]'.lower()
        + '\n[attributes.body_temperature]\nnames = ["temperature"]'
    )
    with within(chosen):
        assert [m.attribute.name for m in labelled("Temperature:")] == ["body temperature"]
        assert [m.attribute.name for m in labelled("Storage temperature:")] == ["temperature"]


def test_of_several_names_the_longest_wins(load):
    chosen = load('[attributes.oil_temperature]\nvalue = "quantity"\nnames = ["oil temperature"]\nunits = ["degC"]')
    with within(chosen):
        assert [m.attribute.name for m in asked("What was the oil temperature?")] == ["oil temperature"]
        assert [m.attribute.name for m in asked("What was the temperature?")] == ["temperature"]


LEVELS = """
[attributes.level]
value = "quantity"
names = ["level"]
units = ["%"]
general = GENERAL

[attributes.lubricant]
value = "quantity"
names = ["lubricant"]
units = ["%"]
"""


@pytest.mark.parametrize(("general", "answers"), [("true", ["40 %"]), ("false", [])])
def test_a_narrower_attribute_answers_for_a_general_one(load, general, answers):
    with within(load(LEVELS.replace("GENERAL", general))):
        claims = {"text:1": inventory(source(["Lubricant: 40 %"]))}
        found = looked_up(understand("What is the level?"), claims)
    assert [claim.text for claim in found.get("text:1", [])] == answers


def test_what_is_general_in_the_shipped_vocabulary_can_be_made_narrow(load):
    assert shipped().attributes["pressure"].general
    assert not load("[attributes.pressure]\ngeneral = false").attributes["pressure"].general


@pytest.mark.parametrize(("instead", "answers"), [('["fitter"]', ["Ada Byron"]), ("[]", [])])
def test_another_attribute_answers_where_no_signal_tells_it(load, instead, answers):
    chosen = load(
        f'[attributes.rigger]\nvalue = "name"\nnames = ["rigger"]\ninstead = {instead}\n'
        '[attributes.fitter]\nvalue = "name"\nnames = ["fitter"]'
    )
    with within(chosen):
        found = looked_up(understand("Who was the rigger?"), {"text:1": inventory(source(["Fitter: Ada Byron"]))})
    assert [claim.text for claim in found.get("text:1", [])] == answers


def test_what_answers_instead_is_added_to(load):
    before = shipped().attributes["strength"].instead
    after = load('[attributes.strength]\ninstead = ["total"]').attributes["strength"].instead
    assert after == (*before, "total")


def test_what_answers_instead_in_the_shipped_vocabulary_is_there():
    known = shipped().attributes
    assert {other for attribute in known.values() for other in attribute.instead} <= known.keys()


def test_a_unit_is_added_and_converts(load):
    chosen = load('[unit.stoneweight]\ndimension = "mass"\nsize = "12700.5"\nwritten = ["stw"]')
    assert chosen.scales["stoneweight"].size == Fraction("12700.5")
    with within(chosen):
        (found,) = find("quantity", "It weighs 3 stw")
    assert found.value.unit == "stoneweight"


def test_a_known_unit_gets_a_further_writing(load):
    with within(load('[unit.ml]\nwritten = ["millis"]')):
        (found,) = find("quantity", "5 millis")
    assert found.value.unit == "ml"


def test_a_tolerance_is_overridden_and_the_rest_of_its_row_stays(load):
    chosen = load("[tolerance.temperature]\nleast = 0.5\n[tolerance.measured]\nhalf_units = 2")
    assert chosen.tolerances["temperature"].least == Fraction(1, 2)
    assert chosen.tolerances["temperature"].share == shipped().tolerances["temperature"].share
    assert chosen.tolerances["measured"].half_units == 2


def test_plain_tables_are_added_to(load):
    chosen = load(
        '[telling.words]\ndrugs = ["bumetanide"]\n[measuring.words]\nover = ["off the scale"]\n'
        '[synonyms]\n"pallet mover" = "truck"\n[unit_names]\n"mm/s" = "speed"\n[categories]\nmachine = ["truck"]\n'
        '[written]\nothers = ["donor"]\n[hedges]\nabout = ["ballpark"]\n'
        '[telling.units]\npower = ["W"]\n"blood sugar" = ["mg/dl"]\n[words]\nnone = ["zilch"]'
    )
    assert chosen.telling["words"]["drugs"][-1] == "bumetanide"
    assert chosen.measuring["words"]["over"][-1] == "off the scale"
    assert "donor" in chosen.written["others"]
    assert chosen.synonyms["pallet mover"] == "truck"
    assert chosen.unit_names["mm/s"] == "speed"
    assert chosen.categories["machine"] == {"truck"}
    assert {"zilch", "none"} <= chosen.words["none"]
    assert "ballpark" in chosen.hedges["about"]


def test_a_unit_that_means_an_attribute_alone_means_no_other_any_more(load):
    chosen = load('[telling.units]\n"body temperature" = ["degC", "degF"]')
    assert chosen.telling["units"]["body temperature"] == ("degC", "degF")
    assert not {"degC", "degF"} & set(chosen.telling["units"]["temperature"])


def test_entries_of_lists_and_pairs_are_taken_away(load):
    chosen = load(
        '[without.telling.words]\nuntold = ["bed"]\n[without]\nsynonyms = ["table"]\n'
        '[without.telling]\nunits = ["torque"]'
    )
    assert set(shipped().telling["words"]["untold"]) - set(chosen.telling["words"]["untold"]) == {"bed"}
    assert shipped().synonyms.keys() - chosen.synonyms.keys() == {"table"}
    assert shipped().telling["units"].keys() - chosen.telling["units"].keys() == {"torque"}


def test_an_empty_domain_is_the_shipped_vocabulary(load):
    before, after = shipped(), load('name = "Nothing"\ndescription = "It adds nothing"')
    assert after is not before
    assert {slot: getattr(after, slot) for slot in after.__dataclass_fields__} == {
        slot: getattr(before, slot) for slot in before.__dataclass_fields__
    }


def test_the_shipped_tables_stay_as_they_are(load):
    before = repr(shipped_tables())
    for name in domain.names():
        domain.load(name)
    load(POTASSIUM + '[attributes.pulse]\nnames = ["heartbeat"]\n[unit.ml]\nwritten = ["millis"]')
    assert repr(shipped_tables()) == before


def test_a_shipped_domain_is_given_by_its_name_and_another_by_its_path(tmp_path, monkeypatch):
    assert {"clinic", "production-line"} <= set(domain.names())
    assert "potassium" in domain.load("clinic").attributes
    monkeypatch.chdir(tmp_path)
    Path("clinic").write_text('[attributes.pulse]\nnames = ["heartbeat"]')
    assert "potassium" in domain.load("clinic").attributes
    assert "potassium" not in domain.load("./clinic").attributes


# ---- what is wrong

WRONG = [
    ('[attribute.potassium]\nvalue = "quantity"', "[attribute]: there is no such table", "did you mean 'attributes'?"),
    ("pulse = 1", "[pulse]: there is no such table", "docs/domains.md"),
    ("name = 1", "name: is a number and should be a text", "quotes"),
    ('description = ""', "description: is empty", "leave the entry out"),
    ("attributes = 3", "[attributes]: is not a table", "write [attributes]"),
    ("[attributes]\npulse = 3", "[attributes.pulse]: is not a table", "write [attributes.pulse]"),
    ("[numbers]\nsix = 7", "[numbers]: is the same in every domain", "leave it out"),
    ("[months]\nmay = 6", "[months]: is the same in every domain", "leave it out"),
    ('[measuring.weekdays]\nmonday = ["m"]', "[measuring.weekdays]: is the same in every domain", "leave it out"),
    ('[measuring.words]\nove = ["x"]', "[measuring.words] ove: 'ove' is no entry of", "did you mean 'over'?"),
    ('[words]\nlimit = "x"', "[words] limit: is a text and should be a list of texts", "brackets"),
    ("[words]\nlimit = [1]", "[words] limit: is a number and should be a text", "quotes"),
    ('[words]\nlimit = ["Max"]', "[words] limit: 'Max' has capital letters", "write 'max'"),
    ('[words]\nlimit = ["a  b"]', "[words] limit: 'a  b' is no phrase", "shorten"),
    ('[words]\nlimit = ["a b c d e f g h i"]', "[words] limit: 'a b c d e f g h i' is no phrase", "shorten"),
    ('[synonyms]\nforklift = ["truck"]', "[synonyms] forklift: is a list and should be a text", "quotes"),
    ('[unit_names]\nfurlong = "speed"', "[unit_names] furlong: 'furlong' is not the name of a unit", "define it"),
    ('[unit_names]\nV = "voltag"', "[unit_names] V: 'voltag' is no attribute", "did you mean 'voltage'?"),
    ('[telling.units]\n"blood sugr" = ["mg/dl"]', "'blood sugr' is no attribute", "did you mean 'blood sugar'?"),
    ('[misread]\nrnq = "mgg"', "[misread] rnq: 'mgg' is not the name of a unit", "'mg'"),
    ('[attributes.Potassium]\nnames = ["x"]', "[attributes.Potassium]: is no key of an attribute", "small letters"),
    ('[attributes.k]\nvalue = "quantity"', "[attributes.k] names: is missing", "what it is called"),
    ('[attributes.k]\nvalue = "quantity"\nnames = []', "[attributes.k] names: is missing", "what it is called"),
    ('[attributes.k]\nvalue = "quantity"\nnames = [""]', "[attributes.k] names: is empty", "leave the entry out"),
    ('[attributes.k]\nvalue = "quantity"\nnames = ["+"]', "names: '+' has no letter or digit", "in words"),
    ('[attributes.k]\nvalue = "quantity"\nnames = ["Kalium"]', "names: 'Kalium' has capital letters", "write 'kalium'"),
    ('[attributes.k]\nvalue = "quantity"\nnames = "kalium"', "names: is a text and should be a list", "brackets"),
    ('[attributes.k]\nnames = ["kalium"]', "[attributes.k] value: is missing", "money, quantity"),
    ('[attributes.k]\nvalue = "quantty"\nnames = ["k"]', "value: 'quantty' is no type of value", "mean 'quantity'?"),
    ('[attributes.k]\nvalue = "date"\nname = ["k"]', "name: 'name' is no key of an attribute", "did you mean 'names'?"),
    (POTASSIUM.replace("mmol/l", "mmoll"), "units: 'mmoll' is not the name of a unit", "did you mean 'mmol/l'?"),
    (POTASSIUM.replace("mmol/l", "percent"), "units: 'percent' is not the name of a unit", "write '%'"),
    (POTASSIUM.replace('["p', '["pulse", "p'), "names: 'pulse' already means pulse", "without = ['pulse']"),
    (POTASSIUM + POTASSIUM.replace(".potassium", ".k"), "[attributes.k] names: 'potassium' already means", "without"),
    ('[attributes.pulse]\nwithout = ["beat it"]', "[attributes.pulse] without: 'beat it' is no name of it", "pulse"),
    ('[attributes.mrsa]\nvalue = "truth"\nnames = ["mrsa"]\nwithout = ["mrsa"]', "names: is missing", ""),
    ("[attributes.pulse]\ngeneral = 1", "[attributes.pulse] general: is neither true nor false", "without quotes"),
    ('[attributes.pulse]\ngeneral = "true"', "[attributes.pulse] general: is neither true nor false", "without quotes"),
    ('[attributes.pulse]\ninstead = "total"', "[attributes.pulse] instead: is a text and should be a list", "brackets"),
    ("[attributes.pulse]\ninstead = [1]", "[attributes.pulse] instead: is a number and should be a text", "quotes"),
    ('[attributes.pulse]\ninstead = ["totl"]', "[attributes.pulse] instead: 'totl' is no attribute", "mean 'total'?"),
    ('[attributes.pulse]\ninstead = ["pulse"]', "instead: 'pulse' is the attribute itself", "name others"),
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
    ('[unit.x]\nwritten = ["xx"]\ndimension = "mass"\nsize = inf', "[unit.x] size: is no number", "5/9"),
    ("[tolerance.abuot]\nshare = 0.1", "[tolerance.abuot]: 'abuot' is no rule of tolerance", "did you mean 'about'?"),
    ("[tolerance.about]\nshare = -0.1", "[tolerance.about] share: -0.1 is negative", "0 or more"),
    ("[tolerance.about]\nshares = 0.1", "[tolerance.about] shares: 'shares' is no key", "did you mean 'share'?"),
    ("[tolerance.about]\nshare = true", "[tolerance.about] share: is no number", "0.05"),
    ("[tolerance.measured]\nhalf_units = 0.5", "half_units: is no whole number", "rounding"),
    ("without = 3", "[without]: is not a table", "write [without]"),
    ('[without]\nsynonyms = ["tabel"]', "[without] synonyms: 'tabel' is no entry of it", "did you mean 'table'?"),
    ('[without]\nnumbers = ["one"]', "[without] numbers: 'numbers' is no table that can lose", "see docs/domains.md"),
    ('[without]\nunit = ["kg"]', "[without] unit: 'unit' is no table that can lose", ""),
    ('[without.telling.words]\nuntol = ["bed"]', "[without.telling.words] untol: 'untol' is no", "mean 'untold'?"),
    ('[without.telling]\nwords = ["drugs"]', "[without.telling] words: has entries", "[without.telling.words]"),
    ('[without.measuring.weekdays]\nmonday = ["mon"]', "is the same in every domain", "leave it out"),
    ('[without.words]\nyes = ["yes", "y", "true"]', "[without.words] yes: would be empty", "leave something"),
    ("[without.words]\nyes = 3", "[without.words] yes: is a number and should be a list", "brackets"),
    ("colour", "domain ward.toml is not TOML (", "docs/domains.md"),
    ("name = 'a'\nname = 'b'", "domain ward.toml is not TOML (", "docs/domains.md"),
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
def test_a_file_that_is_not_there(given):
    with pytest.raises(UsageError, match=r"^domain ") as caught:
        domain.load(given)
    assert "clinic, production-line" in caught.value.hint


def test_a_folder_in_the_file_s_place(tmp_path):
    with pytest.raises(UsageError, match="is a directory"):
        domain.load(str(tmp_path))


# ---- a file of others

ODD = ["a.b", ".", "...", "it's", "50%", "#1", "a/b", "a - b", "a & b", "20 °", "a_b", "ünder"]
PATTERNS = ["(a+)+$", "[", "*", "\\", "a|b", "(?#x", "x{9999}", "^", "a+"]


def odd_entries(path: str, table: dict[str, object]) -> dict[str, object]:
    """Odd words for every list of words that a table has."""
    entries: dict[str, object] = {}
    for key, value in table.items():
        inner = f"{path}.{key}"
        if inner in domain.FIXED:
            continue
        if isinstance(value, dict):
            entries[key] = odd_entries(inner, value)
        elif (
            isinstance(value, list) and domain.RULES.get(inner, domain.RULES.get(path, domain.Rule())) == domain.Rule()
        ):
            entries[key] = ODD
    return entries


@pytest.mark.parametrize("word", PATTERNS)
def test_a_word_has_no_sign_of_a_pattern(word):
    for tables in ({"words": {"yes": [word]}}, {"synonyms": {word: "x"}}, {"telling": {"words": {"drugs": [word]}}}):
        with pytest.raises(UsageError, match=r"has other signs than"):
            domain.merged(tables, "ward.toml")


def test_nothing_of_a_file_is_used_as_a_pattern():
    special = {*domain.FIXED, "attributes", "unit", "tolerance", "examples"}
    odd = {name: odd_entries(name, table) for name, table in shipped_tables().items() if name not in special}
    odd["unit"] = {"odd": {"written": ["(a+)+$", "[", "*"]}}
    odd["attributes"] = {
        "odd": {"value": "quantity", "names": ["(a+)+$", "[x"], "labels": ["a|b", "a+"], "told": ["x{9999}"]}
    }
    signs = [sign for sign in PATTERNS if "{" not in sign]
    odd["examples"] = {key: {"asked": signs, "told": [f"{sign} {{x}}" for sign in signs]} for key in ("age", "odd")}
    assert len(odd["telling"]["words"]) > 20
    hostile = "What is the " + "a" * 3000 + "! [x] 5 * 6 (a+)+$"
    with within(domain.merged(odd, "ward.toml")):
        understand(hostile)
        list(told(hostile))
        for finder in FINDERS:
            list(find(finder, hostile))
        units = {found.value.unit for found in find("quantity", "It is 5 (a+)+$")}
    assert "odd" in units


scalars = st.one_of(st.text(max_size=6), st.integers(), st.floats(), st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
)
tables = st.dictionaries(
    st.sampled_from([*shipped_tables(), "name", "description", "without", "other"]),
    st.one_of(
        values,
        st.dictionaries(
            st.sampled_from(["pulse", "kg", "about", "words", "units", "over", "drugs", "names", "potassium"]),
            st.one_of(
                values,
                st.dictionaries(
                    st.sampled_from(
                        [
                            "value",
                            "names",
                            "units",
                            "without",
                            "general",
                            "instead",
                            "written",
                            "size",
                            "share",
                            "over",
                            "drugs",
                        ]
                    ),
                    values,
                    max_size=3,
                ),
            ),
            max_size=3,
        ),
    ),
    max_size=4,
)


@given(tables)
def test_any_tables_are_a_vocabulary_or_a_usage_error(given_tables):
    try:
        assert isinstance(domain.merged(given_tables, "ward.toml"), Vocabulary)
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
