"""What finders make of sentences as recognisers, people and forms write them: one row a sentence, by type of value."""

from __future__ import annotations

import pytest

from edge_assistant.reasoning.values.candidates import FINDERS, find
from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Items,
    Month,
    Name,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
    Words,
)


def shown(value: Value) -> str:
    """A value in short: ~ is approximate, > and < its side, | stands between readings."""
    match value:
        case Quantity(readings=readings, unit=unit):
            ends = f"{value.least or ''}..{value.most or ''}"
            hedge = "~" + {"": "", "over": ">", "under": "<"}[value.side] if value.approximate else ""
            number = ends if ends != ".." else "|".join(map(str, readings))
            return f"{hedge}{number}" + (f" {unit}" if unit else "")
        case Pair(first=first, second=second):
            return f"{shown(first)}/{shown(second)}"
        case Day(readings=readings):
            return "|".join(f"{year or '-'}-{month:02d}-{day:02d}" for year, month, day in readings)
        case Month(year=year, month=month):
            return f"{year or '-'}-{month:02d}"
        case Clock(readings=readings):
            hedge = "~" + {"": "", "over": ">", "under": "<"}[value.side] if value.approximate else ""
            return hedge + "|".join(f"{at // 60:02d}:{at % 60:02d}" for at in readings)
        case Truth(yes=yes):
            return "yes" if yes else "no"
        case Nothing():
            return "none"
        case Telephone(digits=digits):
            return digits
        case Identifier(code=code):
            return code
        case Name(words=words):
            return " ".join(words)
        case Items(items=items):
            return " + ".join(items)
        case Words(tokens=tokens):
            return " ".join(sorted(tokens))


MONEY = [
    ("The hardware from Mister D I Y was thirty eight forty. I paid with a hundred.", "38.40|3840, 100"),
    ("The total was thirty-eight forty.", "38.40|3840"),
    ("It came to 38-40.", "38.40|3840"),
    ("It came to 3840.", "3840|38.40"),
    ("It came to 38.40 in all.", "38.40"),
    ("It came to 38 40.", "38.40|3840"),
    ("I got 65-20 back.", "65.20|6520"),
    ("It was RM 60.30.", "60.30 MYR"),
    ("Total RM60.30", "60.30 MYR"),
    ("It was sixty ringgit thirty.", "60.30 MYR"),
    ("It was 60 ringgit 30 sen.", "60.30 MYR"),
    ("It was sixty ringgit and thirty sen.", "60.30 MYR"),
    ("The taxi was thirty-eight dollars and forty cents.", "38.40 USD"),
    ("The taxi was $38.40.", "38.40 USD"),
    ("The taxi was S$38.40.", "38.40 SGD"),
    ("The taxi was 38,40 €.", "38.40 EUR"),
    ("I paid fifty cents for the bag.", "0.50"),
    ("I paid 50p for the bag.", "0.50 GBP"),
    ("It was five pounds twenty.", "5.20 GBP"),
    ("It was £5.20.", "5.20 GBP"),
    ("About twelve ringgit.", "~12 MYR"),
    ("It was just under forty ringgit.", "~<40 MYR"),
    ("It was a little over forty ringgit.", "~>40 MYR"),
    ("Forty ringgit or so.", "~40 MYR"),
    ("Twenty quid.", "20 GBP"),
    ("Ten bucks.", "10 USD"),
    ("The invoice is 1,450.00.", "1450.00"),
    ("The invoice is 1.450,00 euros.", "1450.00 EUR"),
    ("The invoice is one thousand four hundred and fifty ringgit.", "1450 MYR"),
    ("The invoice is fourteen hundred and fifty.", "1450"),
    ("The machine cost two million ringgit.", "2000000 MYR"),
    ("The machine cost 1.5 million.", "1500000"),
    ("It cost a hundred and five.", "105"),
    ("It cost half a million dollars.", "500000 USD"),
    ("I gave her four hundred.", "400"),
    ("TOTAL 400", "400"),
    ("It was four oh five.", "4.05|405"),
    ("I paid with a twenty, and I got eight ringgit change.", "20, 8 MYR"),
    ("It weighs 5 kg and cost RM 12.", "12 MYR"),
    ("Change: -0.02", "-0.02"),
    ("On 19/10/2018 at 16:20 I paid 44.00.", "44.00"),
    ("2 x 5.50", "2, 5.50"),
]
QUANTITY = [
    ("Ten milligrams a day.", "10 mg"),
    ("Take 500mg twice a day.", "500 mg"),
    ("Half a tablet in the morning.", "0.5 tablet"),
    ("One and a half tablets.", "1.5 tablet"),
    ("Two point five milligrams.", "2.5 mg"),
    ("Nought point five mils, I mean 0.5 ml.", "0.5, 0.5 ml"),
    ("50 micrograms, that is 50 mcg or 50 µg.", "50 ug, 50 ug, 50 ug"),
    ("It was a thousand units.", "1000 unit"),
    ("The alarm limit for this machine is one hundred degrees.", "100 deg"),
    ("The temperature is minus eighteen degrees.", "-18 deg"),
    ("It is -18 °C in there.", "-18 degC"),
    ("It was eighteen below.", "-18"),
    ("It was eighteen degrees below zero.", "-18 deg"),
    ("It is 98.6 degrees Fahrenheit.", "98.6 degF"),
    ("She has 38.5 C.", "38.5 degC"),
    ("Her temperature is thirty-eight point five.", "38.5"),
    ("Her temperature is nine point oh five.", "9.05"),
    ("Store at 2 to 8 °C.", "2..8 degC"),
    ("Store at 2-8°C.", "2..8 degC"),
    ("Store between two and eight degrees.", "2..8 deg"),
    ("Keep it between 60 and 65 bar.", "60..65 bar"),
    ("It rose from 20 to 30 degrees.", "20, 30 deg"),
    ("20 ± 2 °C", "18..22 degC"),
    ("The plate says four hundred volts and twenty one amps.", "400 V, 21 A"),
    ("400 V 50 Hz 1450 rpm 5.5 kW", "400 V, 50 Hz, 1450 rpm, 5.5 kW"),
    ("It turns at fourteen fifty revolutions a minute.", "1450|14.50 rpm"),
    ("The pressure must not exceed six bar.", "6 bar"),
    ("No more than six bar.", "..6 bar"),
    ("At least 40 percent humidity.", "40.. %"),
    ("It got up to 99.9 degrees.", "99.9 deg"),
    ("It never went over 90 degrees.", "90 deg"),
    ("It stayed below seventy five degrees.", "..75 deg"),
    ("Humidity 40 %", "40 %"),
    ("It is roughly sixty.", "~60"),
    ("Nearly forty degrees.", "~<40 deg"),
    ("Forty-ish percent.", "~40"),
    ("She is four months old.", "4 month"),
    ("He is forty two years old.", "42 year"),
    ("He is five foot ten.", "70 in"),
    ("He is 1.78 m tall.", "1.78 m"),
    ("She weighs eleven stone four.", "158 lb"),
    ("She weighs 70 kilos.", "70 kg"),
    ("It ran for two hours and thirty minutes.", "150 minute"),
    ("It ran for an hour and a half.", "1.5 hour"),
    ("It ran for three quarters of an hour.", "0.75 hour"),
    ("It ran for thirty seconds.", "30 s"),
    ("The second motor is fine.", ""),
    ("This one is broken, and so is the other one.", ""),
    ("One of them is broken.", ""),
    ("Half of the boxes are empty.", ""),
    ("The pulse is 72 beats per minute.", "72 bpm"),
    ("Glucose 5.6 mmol/l", "5.6 mmol/l"),
    ("Flow 12 m³/h", "12 m3/h"),
    ("Torque forty newton metres", "40 Nm"),
    ("A dozen drops.", "12 drop"),
    ("10 Ω", "10 ohm"),
    ("3.5.10", ""),
    ("It happened at half past three.", ""),
    ("We want to go for it.", ""),
]
NUMBER = [
    ("The giraffe family, three of them, stood close together.", "3"),
    ("Pain is seven out of ten.", "7"),
    ("Pain 7/10", "7"),
    ("About five cars.", "~5"),
    ("Built in 2014.", "2014"),
    ("Twelve items, 5 kg.", "12"),
    ("Which one?", ""),
]
DATE = [
    ("I was born on the ninth of October, nineteen seventy one.", "1971-10-09"),
    ("Born 9 October 1971.", "1971-10-09"),
    ("DOB 09/10/1971", "1971-10-09|1971-09-10"),
    ("DOB: 1971-10-09", "1971-10-09"),
    ("It was the nineteenth of October twenty eighteen.", "2018-10-19"),
    ("October 19th, 2018.", "2018-10-19"),
    ("October the nineteenth, two thousand and eighteen.", "2018-10-19"),
    ("Friday, 19 October 2018", "2018-10-19"),
    ("19-Oct-18", "2018-10-19|1918-10-19"),
    ("19OCT2018", "2018-10-19"),
    ("EXP 19 OCT 18", "2018-10-19|1918-10-19"),
    ("Oct 19, 2018", "2018-10-19"),
    ("19.10.2018", "2018-10-19"),
    ("19.10.18.", "2018-10-19|1918-10-19"),
    ("19/10/18 16:20", "2018-10-19|1918-10-19"),
    ("2018-10-19T10:05", "2018-10-19"),
    ("Bought on the twenty seventh of May.", "--05-27"),
    ("On May 27th it failed.", "--05-27"),
    ("The 3rd of March", "--03-03"),
    ("Expires June 2027.", "2027-06"),
    ("EXP 06/2027", "2027-06"),
    ("EXP 06/27", "2027-06"),
    ("Best before: 06/27", "2027-06"),
    ("Use by the end of June 2027", "2027-06"),
    ("In May we had no trouble.", "--05"),
    ("You may take 2 tablets.", ""),
    ("We march 5 km.", ""),
    ("It may be 3.", ""),
    ("The 31st of February 2018", ""),
    ("In a second.", ""),
    ("5.1.2.3.4", ""),
]
CLOCK = [
    ("It stopped at half past three.", "03:30|15:30"),
    ("It stopped at half past three in the afternoon.", "15:30"),
    ("It stopped at a quarter to nine.", "08:45|20:45"),
    ("It stopped at ten past six.", "06:10|18:10"),
    ("It stopped at five to ten.", "09:55|21:55"),
    ("Five to ten milligrams.", ""),
    ("It stopped at twenty-five to eleven.", "10:35|22:35"),
    ("It stopped at noon.", "12:00"),
    ("It stopped around midnight.", "~00:00"),
    ("It stopped at fifteen thirty.", "15:30"),
    ("It stopped at three thirty pm.", "15:30"),
    ("It stopped at 3.30 pm.", "15:30"),
    ("It stopped at 3:30 p.m. yesterday.", "15:30"),
    ("It stopped at 1530 hours.", "15:30"),
    ("It stopped at zero nine hundred hours.", "09:00"),
    ("It stopped at 22:41:05.", "22:41"),
    ("2018-10-19T10:05", "10:05"),
    ("It stopped at 4:20.", "04:20|16:20"),
    ("It stopped at 04:20.", "04:20"),
    ("It stopped at nine.", "09:00|21:00"),
    ("It stopped at nine o'clock in the evening.", "21:00"),
    ("It stopped about ten past two.", "~02:10|14:10"),
    ("It stopped just after six.", "~>06:00|18:00"),
    ("It stopped at twelve minutes past eight.", "08:12|20:12"),
    ("The soup was six fifty.", ""),
    ("It was 20 degrees.", ""),
    ("At 20 degrees.", ""),
    ("It ran for twenty two hours.", ""),
]
PAIR = [
    ("Blood pressure 120/80.", "120/80"),
    ("BP 120/80 mmHg", "120 mmHg/80 mmHg"),
    ("Blood pressure is one twenty over eighty.", "120/80"),
    ("Blood pressure is 120 over 80.", "120/80"),
    ("Blood pressure is a hundred and twenty over eighty.", "120/80"),
    ("Blood pressure was one hundred thirty-five over eighty-five.", "135/85"),
    ("About 120 over 80.", "~120/~80"),
    ("19/10/2018", ""),
    ("1/2 tablet", ""),
]
TRUTH = [
    ("Yes.", "yes"),
    ("No, he does not smoke.", "no, no"),
    ("She doesn't smoke.", "no"),
    ("Smoker: N", "no"),
    ("Denies alcohol.", "no"),
    ("He has never smoked.", "no"),
    ("Room No. 12", ""),
    ("Room no 12", ""),
]
NAME = [
    ("This is Martin Hale speaking.", "martin hale"),
    ("My doctor is Dr. Martin J. Hale.", "martin j hale"),
    ("Hale, Martin", "martin hale"),
    ("Mrs Ada O'Brien called.", "ada o'brien"),
    ("MR. D.I.Y. (M) SDN BHD", "diy"),
    ("I bought it from Mister D I Y.", "diy"),
    ("We spoke to Ludwig van der Berg.", "ludwig van der berg"),
    ("her name is ada hale", "name, ada hale"),
    ("In October it failed.", ""),
]
ITEMS = [
    ("I am allergic to latex. My son is allergic to peanuts.", "latex, peanut"),
    ("I am allergic to penicillin, latex and nuts.", "penicillin + latex + nut"),
    ("penicillin, latex, and bee stings", "penicillin + latex + bee sting"),
    ("No known allergies.", "none"),
    ("NKDA", "none"),
    ("None", "none"),
    ("Not any that I know of.", "none"),
    ("-", "none"),
    ("n/a", "none"),
    ("She denies any allergies.", "none"),
    ("I take ramipril, ten milligrams a day, and metformin.", "ramipril + metformin"),
    ("Ramipril 5 mg / Metformin 500 mg", "ramipril + metformin"),
    ("She takes aspirin every day and insulin in the evening.", "aspirin + insulin"),
]
TELEPHONE = [
    ("My number is 07744 900 123.", "07744900123"),
    ("My number is oh seven seven double four, nine zero zero, one two three.", "07744900123"),
    ("My number is 0 7 7 4 4, 9 0 0, 1 2 3.", "07744900123"),
    ("Tel. +44 (0)20 7946 0123", "+442079460123"),
    ("Tel. 0044 20 7946 0123", "+442079460123"),
    ("Tel: 03-4567 8901", "0345678901"),
    ("triple seven nine two one", "777921"),
    ("19/10/2018", ""),
    ("It was 1,450.00", ""),
]
IDENTIFIER = [
    ("The serial number is A B four seven.", "AB47"),
    ("Serial No. AB-47", "AB47"),
    ("B as in bravo, four seven.", "B47"),
    ("bravo four seven", "B47"),
    ("S/N 3GAA 132 214-ADE", "3GAA132214ADE"),
    ("Batch L zero four seven X", "L047X"),
    ("Lot twenty three B", "23B"),
    ("Room twelve", "12"),
    ("Room B12", "B12"),
    ("IP 55", "IP55"),
    ("Receipt #CS-2018/10/0045", "CS2018100045"),
    ("Double four seven", "447"),
    ("This one, on 9 October 2018.", ""),
]
WORDS = [
    ("blood group O", "blood, blood group, blood group o, group, group o, o"),
]
ROWS = [
    (kind, text, expected)
    for kind, rows in {
        "money": MONEY, "quantity": QUANTITY, "number": NUMBER, "date": DATE, "clock": CLOCK, "pair": PAIR,
        "truth": TRUTH, "name": NAME, "items": ITEMS, "telephone": TELEPHONE, "identifier": IDENTIFIER, "words": WORDS,
    }.items()
    for text, expected in rows
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "expected"), ROWS)
def test_what_is_found(kind: str, text: str, expected: str) -> None:
    assert ", ".join(shown(candidate.value) for candidate in find(kind, text)) == expected


def test_every_type_has_rows() -> None:
    assert {kind for kind, _, _ in ROWS} == FINDERS.keys()
    assert len(ROWS) >= 150
