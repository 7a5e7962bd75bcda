"""From a question to claims with a scripted model: what counts, what is told together, what calls ask of others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from helpers.engines import ScriptedEngine, model, source
from helpers.readings import read

from edge_assistant.core.signals import Kind
from edge_assistant.reasoning.claims import Claim, Ledger
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, common_values
from edge_assistant.reasoning.comprehension.extraction import Comprehension
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import same

LIST = source(["Room 214, Oduya, until 9 June, 118.00", "Room 216, Falk, until 8 June, 104.00"], Kind.TEXT, 1, 1)
NOTE = source(["Mrs Oduya wants to be woken at ten to six.", "Mr Falk sleeps until eight."], Kind.TEXT, 2, 3)


def claims(engine: ScriptedEngine, question: str, sources: Sequence[Source]) -> list[Claim]:
    comprehension = Comprehension(lambda: engine, lambda: None, lambda event: None)
    return comprehension.claims(comprehension.understand(question, sources), sources, Ledger(9))


def told(found: Sequence[Claim]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(claim.signal, claim.text, claim.evidence) for claim in found]


def test_each_source_is_read_alone_and_cited_by_its_line() -> None:
    engine = model({"Room 214|leave?": "9 June", "woken|leave?": "not told"})
    assert told(claims(engine, "When does Mrs Oduya leave?", [LIST, NOTE])) == [("text:1", "9 June", ("E1",))]
    prompts = [messages[-1].content for messages in engine.prompts if messages[-1].content.startswith("Source")]
    assert not [prompt for prompt in prompts if "Room 214" in prompt and "woken" in prompt]


@pytest.mark.parametrize("copied", ["10 June", "as told", "118.00 a night and more", "Room 99"])
def test_what_is_not_in_the_source_or_of_another_type_is_no_claim(copied: str) -> None:
    assert claims(model({"Room 214": copied}), "When does Mrs Oduya leave?", [LIST]) == []


@pytest.mark.parametrize(("probability", "found"), [(0.5, []), (0.65, []), (0.75, ["9 June"])])
def test_a_doubtful_reading_is_no_answer(probability: float, found: list[str]) -> None:
    engine = model({"Room 214": "9 June"})
    engine.probability = probability
    assert [claim.text for claim in claims(engine, "When does Mrs Oduya leave?", [LIST])] == found


def test_a_doubtful_reading_does_not_count_beside_a_sure_one() -> None:
    engine = model({"214": "9 June"})
    reply = engine.reply
    assert reply is not None

    def doubting(prompt: str, options: Sequence[str]) -> str:
        engine.probability = 0.3 if "Key 214" in prompt else 1.0
        return reply(prompt, options)

    engine.reply = doubting
    key = source(["Key 214, 9 June"], Kind.TEXT, 2, 3)
    assert told(claims(engine, "When does Mrs Oduya leave?", [LIST, key])) == [("text:1", "9 June", ("E1",))]


DEAREST = "What does a night cost the guest who is woken first?"
WOKEN = "Text: Mrs Oduya wants to be woken at ten to six"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([WOKEN, "Text: Room 214, Oduya", "Answer: 118.00"], [("text:1", "118.00", ("E1", "E3"))]),
        ([WOKEN, "Text: Room 214, Oduya", "Answer: 2 * 118.00"], []),  # nothing tells a two
        ([WOKEN, "Text: Room 300, Castellan, 131.00", "Answer: 131.00"], []),  # nor that room
        ([WOKEN, "Text: Room 214, Oduya", "Answer: ten to six"], []),  # no price
        ([WOKEN, "Text: Room 214, Oduya", "Answer: not told"], []),
        ([WOKEN, "Text: Room 214, Oduya"], []),
    ],
)
def test_what_two_sources_tell_together_stands_in_lines_of_both(
    written: Sequence[str], found: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    assert told(claims(model({}, writes="\n".join(written)), DEAREST, [LIST, NOTE])) == found


@pytest.mark.parametrize(("answer", "found"), [("no", ["no"]), ("yes", []), ("yes, 118.00", ["yes, 118.00"])])
def test_a_bare_yes_over_several_sources_is_no_answer(answer: str, found: list[str]) -> None:
    engine = model({}, writes=f"{WOKEN}\nText: Room 214, Oduya\nAnswer: {answer}")
    assert [text for _, text, _ in told(claims(engine, "Is it dear for whoever wakes first?", [LIST, NOTE]))] == found


def test_what_one_source_tells_rests_on_what_led_to_it_too() -> None:
    engine = model({"118.00|night": "118.00"}, writes=f"{WOKEN}\nText: Room 214, Oduya\nAnswer: 118.00")
    assert told(claims(engine, DEAREST, [LIST, NOTE])) == [("text:1", "118.00", ("E1", "E3"))]
    other = model({"118.00|night": "118.00"}, writes=f"{WOKEN}\nText: Room 216, Falk\nAnswer: 104.00")
    assert told(claims(other, DEAREST, [LIST, NOTE]))[0] == ("text:1", "118.00", ("E1",))


def test_what_a_source_tells_only_beside_the_others_contradicts_them() -> None:
    note = source(["The patient is allergic to penicillin."], Kind.TEXT, 1, 1)
    form = source(["Allergies: none"], Kind.TEXT, 2, 2)
    engine = model({"allergic to penicillin|allergic": "penicillin"}, writes="Text: Allergies: none\nAnswer: none")
    asked = "What is the patient allergic to?"
    assert told(claims(engine, asked, [note, form])) == [
        ("text:1", "penicillin", ("E1",)),
        ("text:2", "none", ("E2",)),
    ]


def test_what_two_sources_tell_together_is_calculated_by_code() -> None:
    note = source(["Mrs Oduya stays for 3 nights"], Kind.TEXT, 2, 3)
    writes = "Text: stays for 3 nights\nText: Room 214, Oduya, until 9 June, 118.00\nAnswer: 3 * 118.00 = 345.00"
    for facts in (writes, writes.replace("Text: stays for 3 nights\n", "")):  # the line of a number that no fact has
        (claim,) = claims(model({}, writes=facts), "What does Mrs Oduya have to pay?", [LIST, note])
        assert (claim.text, claim.computed, set(claim.evidence)) == ("354.00", "C1", {"E1", "E3"})


def test_a_call_asks_another_source_for_its_limit() -> None:
    rows = "\n".join(f"2025-03-14T14:{minute:02d}:00,{60 + minute}" for minute in range(40))
    readings = source(["motor from 60 to 99 degC"], Kind.READINGS, 1, 8, read(f"time,motor [degC]\n{rows}\n"))
    limit = source(["The alarm limit of the motor is 85 degrees."], Kind.TEXT, 1, 9)
    call = 'first_above(motor, ask "What is the alarm limit?")'
    engine = model({"alarm limit of|What is the alarm limit?": "85 degrees"}, sort="computation", call=call)
    (claim,) = claims(engine, "When did the motor get too hot for the first time?", [readings, limit])
    assert claim.text == "2025-03-14 14:26"
    assert claim.evidence == ("E10", "E9")
    assert claim.computed == "C1"


def test_a_limit_that_is_not_read_is_looked_for_by_its_unit() -> None:
    rows = "\n".join(f"2025-03-14T14:{minute:02d}:00,{60 + minute}" for minute in range(40))
    readings = source(["motor from 60 to 99 degC"], Kind.READINGS, 1, 8, read(f"time,motor [degC]\n{rows}\n"))
    plate = source(["Motor 4, 5.5 kW, max. 85 degC, made in 1998"], Kind.TEXT, 1, 9)
    engine = model({}, sort="computation", call='first_above(motor, ask "What is it built for?")')
    (claim,) = claims(engine, "When did the motor first get hotter than it is built for?", [readings, plate])
    assert (claim.text, claim.evidence) == ("2025-03-14 14:26", ("E10", "E9"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Guest 214, departure 9 June, 118.00", [("text:1", "9 June", ("E1",)), ("text:2", "9 June", ("E2",))]),
        ("Guest 214, departure 8 June, 118.00", [("text:1", "9 June", ("E1",)), ("text:2", "8 June", ("E2",))]),
        ("Guest 214, 118.00, two keys", [("text:1", "9 June", ("E1",))]),
    ],
)
def test_what_one_source_tells_is_looked_for_in_another(
    line: str, found: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    one = source(["Room 214, Oduya, until 9 June"], Kind.TEXT, 1, 1)
    engine = model({"Room 214|leave?": "9 June"})
    assert told(claims(engine, "When does Mrs Oduya leave?", [one, source([line], Kind.TEXT, 2, 2)])) == found


def test_a_call_that_is_hardly_told_leaves_nothing() -> None:
    readings = source(
        ["motor"], Kind.READINGS, 1, 8, read("time,motor [degC]\n2025-03-14T14:00:00,60\n2025-03-14T14:10:00,61\n")
    )
    engine = model({}, sort="computation", call="max(motor)")
    engine.probability = 0.4
    ledger = Ledger(9)
    comprehension = Comprehension(lambda: engine, lambda: None, lambda event: None)
    asked = comprehension.understand("How hot did the motor get?", [readings])
    assert comprehension.claims(asked, [readings], ledger) == []
    assert (ledger.evidence, ledger.computed) == ([], [])


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("gate nineteen", "19", True), ("gate nineteen", "14", False), ("half past four", "16:30", True),
        ("the tenth of June", "10/06/2025", True), ("3.4 kg", "3400 g", True), ("7.9 tonnes", "7220 kg", False),
        ("blue dot", "blue", True), ("10 June at 14:00", "2 pm on the tenth of June", True),
        ("10 June at 14:00", "10 June at 16:00", False), ("10 June at 14:00", "11 June at 14:00", False),
        ("10 June at 14:00", "10 June", True), ("12 Mill Lane", "twelve Mill Lane", True),
        ("12 Mill Lane", "number 12", True), ("12 Mill Lane", "12 Mill Street", False),
        ("07744 900123", "+44 7744 900123", True), ("07744 900123", "call 07744 900124", False),
        ("O negative", "O positive", False), ("group O", "O", True), ("A positive", "B positive", False),
        ("A positive", "AB positive", False), ("A positive", "A", True), ("hepatitis A", "hepatitis B", False),
        ("vitamin A", "vitamin K2", False), ("GATE A", "GATE B", False), ("gate A", "A", True),
        ("A white van", "a white delivery van", True), ("A van", "THE WHITE VAN", True),
        ("type I", "type II", False), ("type I diabetes", "type I", True), ("reactive", "not reactive", False),
        ("not detected", "not detected in the swab", True), ("with food", "without food", False),
        ("AA-1000", "alpha alpha one oh oh oh", True), ("AA-1000", "alpha alpha two oh oh oh", False),
    ],
)  # fmt: skip
def test_what_two_sources_tell_is_compared_by_a_common_type(one: str, other: str, agree: bool) -> None:
    first, second = common_values([one, other], AnswerType.OTHER)
    assert same(first, second) is agree


@pytest.mark.parametrize("unsure", ["not known", "Not sure.", "unknown"])
def test_that_it_is_not_known_is_no_no(unsure: str) -> None:
    no, other = common_values(["No, she does not", unsure], AnswerType.TRUTH)
    assert not same(no, other)
