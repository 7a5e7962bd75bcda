"""Numbers, units, codes, times and names as a recogniser writes them, read as they were said."""

from __future__ import annotations

import pytest

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.heard import mended
from edge_assistant.reasoning.values.units import named

LINES = [
    # units that no recogniser knows
    ("I noted 0.52 megapassables as the maximum.", "I noted 0.52 megapascals as the maximum."),
    ("I wrote down 470 kilopassables.", "I wrote down 470 kilopascals."),
    ("It is 600 killopascals.", "It is 600 killopascals."),
    ("50 micrograns, one in the morning", "50 micrograms, one in the morning"),
    ("He takes 20 miligrams.", "He takes 20 miligrams."),
    ("She takes 20 milligrans at night.", "She takes 20 milligrams at night."),
    ("It holds 300 millilitters.", "It holds 300 milliliters."),
    ("The gap is 12 millimitters.", "The gap is 12 millimitters."),
    ("It draws 45 kilowads.", "It draws 45 kilowatt."),
    ("Here it hangs on 480 bowls.", "Here it hangs on 480 V."),
    ("It needs 230 boats.", "It needs 230 V."),
    ("They run at 60 hurts.", "They run at 60 Hz."),
    ("It is a hundred bowls.", "It is a hundred V."),
    ("It does 1450 r p m.", "It does 1450 rpm."),
    ("The motor has 11 kilo watts.", "The motor has 11 kW."),
    ("We ate from four bowls at 12.", "We ate from four bowls at 12."),
    ("We bought bowls and boats.", "We bought bowls and boats."),
    # digits that sound like a word
    ("I noted 0.5 to megapascals.", "I noted 0.52 megapascals."),
    ("It was 37. for degrees.", "It was 37.4 degrees."),
    ("a fever, a hundred and two point for Fahrenheit", "a fever, a hundred and two point four Fahrenheit"),
    ("It is six point too bar high", "It is six point too bar high"),
    ("The flow was four point won litres.", "The flow was four point one litres."),
    ("It rose from 0.5 to 3 bar.", "It rose from 0.5 to 3 bar."),
    ("Keep it at 2 to 8 degrees.", "Keep it at 2 to 8 degrees."),
    ("The fan comes to 213 in kilos.", "The fan comes to 213 kilos."),
    ("He came 3rd in pounds lifted.", "He came 3rd in pounds lifted."),
    ("At the till I gave night to Euros.", "At the till I gave 90 Euros."),
    ("It cost eight tea pounds.", "It cost 80 pounds."),
    ("It weighs six tea kilos.", "It weighs 60 kilos."),
    # a year that cannot be: sixteen is heard as sixty
    ("We installed it on the 7th of December, 2080.", "We installed it on the 7th of December, 2018."),
    ("It came on the 24th of May, 2060, and runs.", "It came on the 24th of May, 2016, and runs."),
    ("It was March 4th, 2070.", "It was March 4th, 2017."),
    ("It was put in in June 2090.", "It was put in in June 2019."),
    ("It expires in June 2030.", "It expires in June 2030."),
    ("It makes 2060 turns.", "It makes 2060 turns."),
    # times of day
    ("I measured at 9 at AM.", "I measured at 9 am."),
    ("The appointment, 1145 at M. Is it right?", "The appointment, 11:45 am. Is it right?"),
    ("At 11 p and the alarm lamp flickered.", "At 11 pm the alarm lamp flickered."),
    ("It peaked at 1030pm.", "It peaked at 10:30 pm."),
    ("At 3.20am it stood.", "At 3:20 am it stood."),
    ("I paid at 105 PM.", "I paid at 1:05 pm."),
    ("My watch said 12.00 pm.", "My watch said 12:00 pm."),
    ("It was 5 past 7 in the evening, correction, 1530.", "It was 5 past 7 in the evening, correction, 15:30."),
    ("It was 8.15 pm, no, sorry, 2045.", "It was 8:15 pm, no, sorry, 20:45."),
    ("We made 900, correction, 1530 pieces.", "We made 900, correction, 1530 pieces."),
    ("Order 2045 is done.", "Order 2045 is done."),
    ("I am 9 a model.", "I am 9 a model."),
    # codes
    ("Please look up Fc for 29018.", "Please look up FC429018."),
    ("The number is BC to 3344.", "The number is BC23344."),
    ("The number of the blowers are m-3202-30.", "The number of the blowers is RM-3202-30."),
    ("At the bottom it says mb-6940-96.", "At the bottom it says MB-6940-96."),
    ("The lot is at 8.", "The lot is A8."),
    ("The batch is a 8.", "The batch is A8."),
    ("The shelf is at 8 metres.", "The shelf is at 8 metres."),
    # said twice
    ("The contact is olive, olive hail.", "The contact is olive hail."),
    ("The person was Clara, Clara Turner.", "The person was Clara Turner."),
    ("I spoke to Maria. Maria Porter called.", "I spoke to Maria Porter called."),
    ("It is oh one, one four.", "It is oh one, one four."),
    ("four, four nine six", "four, four nine six"),
    ("no, no, it is fine", "no, no, it is fine"),
    # corrections
    ("Oh no! Make that 6:30 pm.", "Oh no. Make that 6:30 pm."),
    ("That is Maria Porter, No Hang On, Anna Winter.", "That is Maria Porter, no hang on, Anna Winter."),
    ("It is Ada Hale, Oh No, Ruth Hale.", "It is Ada Hale, oh no, Ruth Hale."),
    # endings that are not heard
    ("Maximum allow bearing temperature is 63 degrees.", "Maximum allowed bearing temperature is 63 degrees."),
    ("The highest permit value is 3.", "The highest permitted value is 3."),
    ("I will allow it.", "I will allow it."),
    # where a sentence ended
    (
        "He has an allergy, body temperature, 100.9 Fahrenheit.",
        "He has an allergy. Body temperature, 100.9 Fahrenheit.",
    ),
    ("There is a sticker next to it, frequency 60 hertz.", "There is a sticker next to it. Frequency 60 hertz."),
    (
        "It takes 11 kW since the 9th of October it is in service.",
        "It takes 11 kW. Since the 9th of October it is in service.",
    ),
    ("It carries FR-43 for the frequency it gives 60 hertz.", "It carries FR-43. For the frequency it gives 60 hertz."),
    ("The number is KD-2323-85 that weighs 30 kilos.", "The number is KD-2323-85. It weighs 30 kilos."),
    (
        "It was 4 bar at 10:30 pm maximum pressure today, 5 bar.",
        "It was 4 bar at 10:30 pm. Maximum pressure today, 5 bar.",
    ),
    ("The filter was changed, I took the level at 9 am.", "The filter was changed. I took the level at 9 am."),
    ("The weight is fine, and the frequency is not.", "The weight is fine, and the frequency is not."),
]

PAIRS = [
    (("It was taken by Simon.", "Simon Turner."), ("It was taken by", "Simon Turner.")),
    (("He names Anna.", "Anna Holland."), ("He names", "Anna Holland.")),
    (("It was Simon.", "He was late."), ("It was Simon.", "He was late.")),
    (("We ran order W-O.", "16531, thanks."), ("We ran order W-O", "16531, thanks.")),
    (("It is E4.", "2864."), ("It is E4", "2864.")),
    (("It is in hall E4.", "The lot is new."), ("It is in hall E4.", "The lot is new.")),
    (("My telephone number 114.", "4960974, I think."), ("My telephone number 114", "4960974, I think.")),
    (("I have 2.", "1234 people came"), ("I have 2.", "1234 people came")),
    (
        ("Simon ran it, 2145.", "Motor temperature 75 degrees."),
        ("Simon ran it. 21:45,", "motor temperature 75 degrees."),
    ),
    (
        ("She came by, the 14th of April.", "Motor temperature up to 62 degrees."),
        ("She came by. The 14th of April,", "motor temperature up to 62 degrees."),
    ),
    (
        ("It was topped up at 6.00 on the 18th on the 18th of June.", "The temperature reached 76 degrees."),
        ("It was topped up at 6.00 on the 18th. On the 18th of June,", "the temperature reached 76 degrees."),
    ),
    (("We met, the 3rd of May.", "It was fine."), ("We met, the 3rd of May.", "It was fine.")),
    (("I took it at 9 am.", "It was 36%."), ("I took it at 9 am,", "it was 36%.")),
    (("I came at 9 am.", "It was cold."), ("I came at 9 am.", "It was cold.")),
    (
        ("The level is fine, then, at 1150 AM.", "The filter was changed."),
        ("The level is fine. At 11:50 am,", "the filter was changed."),
    ),
    (("116 over 92.", "That's the blood pressure."), ("116 over 92,", "that's the blood pressure.")),
    (("It says TT-2163-40.", "That's the serial number."), ("It says TT-2163-40,", "that's the serial number.")),
    (("It is 3 kW.", "That's the power of the spare."), ("It is 3 kW.", "That's the power of the spare.")),
    (
        ("The limit is 131 Fahrenheit.", "The bearing temperature, I mean last year it was 64."),
        ("The limit is 131 Fahrenheit,", "the bearing temperature I mean. Last year it was 64."),
    ),
    (
        ("It is RM-3202-30.", "The serial number I mean BC-23 belongs to another."),
        ("It is RM-3202-30,", "the serial number I mean. BC-23 belongs to another."),
    ),
]


@pytest.mark.parametrize(("heard", "said"), LINES, ids=[heard for heard, _ in LINES])
def test_a_segment_is_read_as_it_was_said(heard: str, said: str) -> None:
    assert mended([heard]) == [said]


@pytest.mark.parametrize(("heard", "said"), PAIRS, ids=[heard[0] for heard, _ in PAIRS])
def test_what_runs_over_two_segments(heard: tuple[str, str], said: tuple[str, str]) -> None:
    assert tuple(mended(heard)) == said


@pytest.mark.parametrize("said", sorted({said for _, said in LINES}))
def test_what_is_mended_stays(said: str) -> None:
    assert mended([said]) == [said]


@pytest.mark.parametrize(("word", "unit"), sorted(vocabulary().misheard.items()))
def test_words_that_are_heard_for_units(word: str, unit: str) -> None:
    assert named(unit) == unit
    assert mended([f"It is 40 {word}."]) == [f"It is 40 {unit}."]


def test_nothing_is_nothing() -> None:
    assert mended([]) == []
    assert mended(["", "."]) == ["", "."]
