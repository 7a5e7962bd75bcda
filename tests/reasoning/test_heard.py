"""Names and numbers of which a recogniser was not sure, and codes whose letters sound alike."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from edge_assistant.evidence import Evidence, Locator, Passage, Speech, Word
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compare import compare, compatible
from edge_assistant.reasoning.compose import compose
from edge_assistant.reasoning.heard import as_said, with_sounds
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.likeness import same_sound
from edge_assistant.reasoning.values.values import Clock, Identifier, Items, Name, Quantity, Telephone, Value, same
from edge_assistant.signals import Kind, Origin, Signal


def spoken(text: str, probability: float, sure: str = "") -> Evidence:
    """A segment whose words are unsure but for those that are named as sure."""
    words = tuple(Word(w, 0.0, 0.1, 0.95 if w.strip(".,") in sure.split() else probability) for w in text.split())
    return Evidence("E1", "audio:1", text, probability, Locator(seconds=(0.0, 1.0)), Speech(words, "en"))


def signal(id: str) -> Signal:
    return Signal(id, Kind(id.partition(":")[0]), Origin.FILE, id, "0" * 64, datetime(2026, 1, 1, tzinfo=UTC))


def read(text: str, names: list[str], probability: float = 0.4, sure: str = "") -> str:
    """What a segment is read as beside a form with medicines."""
    told = [Claim("image:1", Quantity((Decimal(1),)), "1", ("E9",), attribute="dose", subject=name) for name in names]
    source = Source(signal("audio:1"), (spoken(text, probability, sure),))
    return as_said([source], told, "")[0].evidence[0].text


FORM = ["Ramipril", "Omeprazole", "Levothyroxine", "Amlodipine", "Prednisone"]


@pytest.mark.parametrize(
    ("heard", "names", "name"),
    [
        ("for all Brazil.", FORM, "Omeprazole"),
        ("left of Renbro.", FORM, "Ramipril"),
        ("the love of the theory of sign", FORM, "Levothyroxine"),
        ("the amlivine", FORM, "Amlodipine"),
        ("is the pridnessum.", FORM, "Prednisone"),
        ("with Levithyric Sign", FORM, "Levothyroxine"),
        ("the adorbastatin", ["Atorvastatin"], "Atorvastatin"),
        ("of Adder Basteton", ["Atorvastatin"], "Atorvastatin"),
        ("of adervas that", ["Atorvastatin"], "Atorvastatin"),
        ("the Ivy Profin", ["Ibuprofen"], "Ibuprofen"),
        ("of met for men", ["Metformin"], "Metformin"),
        ("the by sew pro lol", ["Bisoprolol"], "Bisoprolol"),
        ("the simple statin", ["Simvastatin"], "Simvastatin"),
        ("his war for in", ["Warfarin"], "Warfarin"),
        ("the lies in a pill", ["Lisinopril"], "Lisinopril"),
        ("a para seat a mall", ["Paracetamol"], "Paracetamol"),
        ("the teal of bulbs", ["tulip bulbs"], "tulip bulbs"),
        ("the see potatoes", ["seed potatoes"], "see potatoes"),  # is near enough without
    ],
)
def test_a_name_that_was_not_known_is_read_as_the_one_that_is_written(heard: str, names: list[str], name: str) -> None:
    assert name in read(heard, names)


@pytest.mark.parametrize(
    ("heard", "names"),
    [
        ("She takes prednisolone.", ["Prednisone"]),
        ("She takes nimodipine.", ["Amlodipine"]),
        ("He is on metoprolol.", ["Bisoprolol"]),
        ("He is on lisinopril.", ["Ramipril"]),
        ("There are no tablets left.", FORM),
        ("The bus was late, so it all had to go quickly.", FORM),
        ("It was a long queue downstairs.", FORM),
        ("We got the vaccines.", ["film reels"]),
        ("The orchids came.", ["insulin pens", "tulip bulbs"]),
    ],
)
def test_other_words_and_other_names_stay(heard: str, names: list[str]) -> None:
    assert read(heard, names) == heard


def test_words_of_which_the_recogniser_was_sure_stay() -> None:
    assert read("It is for all Brazil.", FORM, probability=0.9) == "It is for all Brazil."


def test_of_two_names_that_are_as_near_none_is_read() -> None:
    assert read("the ramilil", ["Ramipril", "Ramitril"]) == "the ramilil"


def test_a_person_is_read_as_written() -> None:
    told = [Claim("image:1", Name(("olive", "hale")), "OLIVE HALE", ("E9",), attribute="emergency contact")]
    source = Source(signal("audio:1"), (spoken("emergency contact, olive hail.", 0.9),))
    assert as_said([source], told, "")[0].evidence[0].text == "emergency contact, OLIVE HALE."


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("Maria Parker", "Maria Porter"), ("Robert Winter", "Robert Hunter"), ("Clara Turner", "Clara Tanner"),
        ("Anna Marsh", "Anna Moss"), ("Peter Lund", "Peter Lane"),
        ("Ruth Barker", "Ruth Baker"), ("Ada Hall", "Ada Hale"),
        ("Martin Holland", "Martina Holland"), ("Olive Grant", "Oliver Grant"), ("Simon Foster", "Simon Porter"),
    ],
)  # fmt: skip
def test_people_with_like_names_are_not_made_one(heard: str, written: str) -> None:
    told = [Claim("image:1", Name(tuple(written.lower().split())), written, ("E9",), attribute="patient")]
    source = Source(signal("audio:1"), (spoken(f"Call {heard} now.", 0.4),))
    assert as_said([source], told, "")[0].evidence[0].text == f"Call {heard} now."


def test_a_firm_is_read_as_written() -> None:
    told = [Claim("image:1", Name(("bella", "napoli")), "Bella Napoli", ("E9",), attribute="seller")]
    source = Source(signal("audio:1"), (spoken("the dinner at Bellanapoli.", 0.9),))
    assert as_said([source], told, "")[0].evidence[0].text == "the dinner at Bella Napoli."


def test_a_medicine_that_the_question_names() -> None:
    source = Source(signal("audio:1"), (spoken("with Ador Vastatinny's at 10mg", 0.4),))
    told = as_said([source], [], "Which dose of atorvastatin was given?")
    assert told[0].evidence[0].text.startswith("with atorvastatin")


def test_the_items_of_a_list_can_be_heard() -> None:
    told = [Claim("image:1", Items(("ramipril", "aspirin")), "Ramipril, Aspirin", ("E9",), attribute="medication")]
    source = Source(signal("audio:1"), (spoken("left of Renbro.", 0.4),))
    assert as_said([source], told, "")[0].evidence[0].text == "left of Ramipril."


def test_what_is_typed_stays() -> None:
    typed = Evidence("E1", "text:1", "It runs on 400 bowls, at 9 at AM.", None, Locator(), Passage())
    assert as_said([Source(signal("text:1"), (typed,))], [], "")[0].evidence == (typed,)


@pytest.mark.parametrize(
    ("number", "other", "agree"),
    [
        ("150", "115", True), ("115", "150", True), ("60", "16", True), ("80", "18", True), ("13", "30", True),
        ("250", "215", True), ("1450", "1415", True), ("90", "19", True), ("140", "114", True), ("17", "70", True),
        ("150", "105", False), ("150", "230", False), ("20", "12", False), ("100", "110", False), ("63", "36", False),
    ],
)  # fmt: skip
def test_a_number_of_which_the_recogniser_was_unsure_is_also_the_one_that_sounds_like_it(
    number: str, other: str, agree: bool
) -> None:
    stated = Quantity((Decimal(number),), "V")
    heard = with_sounds(stated, f"{number} volts", [spoken(f"It is {number} volts.", 0.3, "It is volts")])
    assert same(heard, Quantity((Decimal(other),), "V")) == agree
    sure = with_sounds(stated, f"{number} volts", [spoken(f"It is {number} volts.", 0.9)])
    assert not same(sure, Quantity((Decimal(other),), "V"))


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("D76396", "B76396"), ("E42864", "B42864"), ("EB767738", "BB767738"),
        ("T35174", "P35174"), ("G12691", "B12691"),
        ("N45120", "M45120"), ("S90412", "F90412"), ("J81770", "K81770"), ("V33902", "Z33902"),
        ("RN320230", "RM320230"),
        ("M320230", "RM320230"), ("CK578155", "CK578155"),
    ],
)  # fmt: skip
def test_letters_that_sound_alike(heard: str, written: str) -> None:
    assert same_sound(heard, written)
    a, b = Claim("audio:1", Identifier(heard), heard, ("E1",)), Claim("image:1", Identifier(written), written, ("E2",))
    assert compatible(a, b)
    assert compatible(b, a)


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("D76396", "B76397"), ("D76396", "M76396"), ("B1", "D1"), ("AB12", "AD12"), ("FT803666", "TF164422"),
        ("20230", "RM320230"), ("B763", "B76396"), ("M28440", "L67650"), ("A18865", "B76396"), ("B76396", "B76369"),
    ],
)  # fmt: skip
def test_other_codes_contradict(heard: str, written: str) -> None:
    a, b = Claim("audio:1", Identifier(heard), heard, ("E1",)), Claim("image:1", Identifier(written), written, ("E2",))
    assert not compatible(a, b)
    assert not compatible(b, a)


def test_two_written_codes_have_to_be_the_same() -> None:
    a = Claim("image:1", Identifier("D76396"), "D76396", ("E1",))
    b = Claim("text:1", Identifier("B76396"), "B76396", ("E2",))
    assert not compatible(a, b)


def test_a_telephone_number_without_its_first_zero() -> None:
    assert same(Telephone("1144960974"), Telephone("01144960974"))
    assert not same(Telephone("1144960974"), Telephone("01144960975"))


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        (Identifier("TF164422"), "TF-1644, 22", 'TF164422 ("TF-1644, 22")'),
        (Identifier("L33844"), "L 3, 3 8 4 4", 'L33844 ("L 3, 3 8 4 4")'),
        (Identifier("W016531"), "W-O 16531", 'WO16531 ("W-O 16531")'),
        (Identifier("P2607"), "P-2607", "P-2607"),
        (Quantity((Decimal("43.43"),), "EUR"), "43 euros and 43 cents", '43.43 EUR ("43 euros and 43 cents")'),
        (Quantity((Decimal("54.06"),), "GBP"), "54 pounds 6", '54.06 GBP ("54 pounds 6")'),
        (Quantity((Decimal("94.98"),), "EUR"), "94 years 98", '94.98 EUR ("94 years 98")'),
        (Quantity((Decimal("90.60"),), "GBP"), "£90.60", "£90.60"),
        (Quantity((Decimal(40),), "EUR"), "40 euros", "40 euros"),
        (Clock((785,)), "105 pm", '13:05 ("105 pm")'),
        (Clock((1145,)), "5 past 7 in the evening", '19:05 ("5 past 7 in the evening")'),
        (Clock((880,)), "20 to 3 in the afternoon", '14:40 ("20 to 3 in the afternoon")'),
        (Clock((540,)), "9 am", "9 am"),
        (Clock((785,)), "1:05 pm", "1:05 pm"),
        (Clock((160, 880)), "20 to 3", "20 to 3"),
    ],
)
def test_what_was_heard_is_said_as_it_is_written(value: Value, text: str, shown: str) -> None:
    claim = Claim("audio:1", value, text, ("E1",))
    said = compose(understand("What is it?"), compare("value", [claim]), [claim], [signal("audio:1")])
    assert said == [f"{shown} [E1], by the recording."]
