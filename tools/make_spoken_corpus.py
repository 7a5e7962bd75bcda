"""Make a folder of spoken sentences for `edge-assistant bench speech`: NNN.wav, and NNN.txt with the words.

Everyday sentences with numbers, prices, dates, doses and names are drawn from patterns by a seed, and spoken by
tools/speak.py: in espeak-ng's voices, and where its model is given mostly in the Piper voice joe. A fifth has noise, a
fifth a telephone's band, a fifth long silences. The default makes somewhat more than 2,000 words.

    python tools/make_spoken_corpus.py corpus --joe en_US-joe-medium.onnx
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from pathlib import Path

import numpy as np
from speak import piper_voice, resample, robot_voice, save, telephone, with_noise, with_silence

PATTERNS = (
    "The meeting with {name} is at {hour} on {weekday}.",
    "Please call {name} back before {hour}, it is about the {thing}.",
    "I bought {count} {things} for {price} at the {shop}.",
    "The taxi from the station cost {price}, and I paid in cash.",
    "She takes {dose} of {drug} every morning and {dose} at night.",
    "I have been allergic to {allergen} since I was {small} years old.",
    "My blood pressure was {big} over {medium} this morning.",
    "The pump in hall {small} makes a noise like a {thing}.",
    "We changed the filter on the {day} of {month}.",
    "The temperature in the {room} rose to {medium} degrees during the night.",
    "There are {count} {things} on the table next to the {thing}.",
    "A {colour} {animal} is sleeping under the {thing}.",
    "The invoice is dated the {day} of {month}, {year}.",
    "My daughter was born on the {day} of {month}, {year}.",
    "Only {small} of the {medium} boxes arrived, and {count} were damaged.",
    "Turn the {colour} handle to the left until it clicks.",
    "The lunch for {count} people came to {price} including the tip.",
    "The bearing on line {small} runs hot, please stop it before {hour}.",
    "I left my {colour} {thing} in the {room} yesterday.",
    "He weighs {medium} kilograms and is one metre {medium} tall.",
    "The limit for this machine is {medium} degrees, not {big}.",
    "{name} says the delivery will be here by {weekday}.",
    "Could you send the report about the {thing} to {name}?",
    "The patient in room {big} had a headache for {small} days.",
    "We drove {big} kilometres and stopped {small} times.",
    "It rained all day, so the children stayed in the {room}.",
    "The motor is rated for {big} volts and {small} amps.",
    "No, I said {small}, not {count}.",
    "The {animal} jumped over the fence and ran into the street.",
    "Remember to bring the {thing}, the keys and your passport.",
    "The second shift starts at {hour} and ends at {hour}.",
    "I would like to return this {thing}, it was {price} last {weekday}.",
    "The doctor told me to drink more water and to walk every day.",
    "Nobody has seen the {animal} since {weekday} evening.",
    "The train to the airport leaves from platform {small} in {medium} minutes.",
    "Mix {count} spoons of sugar with a cup of warm milk.",
)
WORDS = {
    "name": "Anna|Peter|Maria|Thomas|Laura|David|Helen|Robert|Susan|Michael|Emma|Daniel",
    "weekday": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "month": "January|February|March|April|May|June|July|August|September|October|November|December",
    "thing": "lamp|printer|ladder|umbrella|suitcase|bicycle|window|keyboard|blanket|hammer",
    "things": "bottles|chairs|notebooks|apples|batteries|light bulbs|envelopes|tickets",
    "shop": "bakery|pharmacy|hardware store|supermarket|garage|book shop",
    "room": "kitchen|basement|warehouse|office|living room|laboratory",
    "colour": "red|green|blue|yellow|black|white|brown",
    "animal": "dog|cat|horse|rabbit|goat|squirrel",
    "allergen": "penicillin|peanuts|latex|pollen|shellfish|aspirin",
    "drug": "aspirin|ibuprofen|metformin|paracetamol|insulin|amoxicillin",
}
ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
    "twentieth",
)


def number(value: int) -> str:
    """A number below 1000 in words.

    >>> number(7), number(21), number(340)
    ('seven', 'twenty one', 'three hundred and forty')
    """
    if value < 20:
        return ONES[value]
    if value < 100:
        return TENS[value // 10 - 2] + (f" {ONES[value % 10]}" if value % 10 else "")
    return f"{ONES[value // 100]} hundred" + (f" and {number(value % 100)}" if value % 100 else "")


def ordinal(value: int) -> str:
    """A day of the month in words.

    >>> ordinal(3), ordinal(30), ordinal(31)
    ('third', 'thirtieth', 'thirty first')
    """
    if value <= 20:
        return ORDINALS[value - 1]
    return "thirtieth" if value == 30 else f"{TENS[value // 10 - 2]} {ORDINALS[value % 10 - 1]}"


def fill(slot: str, draw: random.Random) -> str:
    """Words for a slot of a pattern."""
    if slot in WORDS:
        return draw.choice(WORDS[slot].split("|"))
    if slot == "day":
        return ordinal(draw.randint(1, 28))
    if slot == "year":
        return f"nineteen {number(draw.randint(51, 99))}"
    if slot == "hour":
        return draw.choice((f"{number(draw.randint(1, 12))} o'clock", f"half past {number(draw.randint(1, 12))}"))
    if slot == "price":
        return f"{number(draw.randint(2, 99))} dollars and {number(draw.randint(10, 95))} cents"
    if slot == "dose":
        return f"{number(draw.choice((5, 10, 20, 25, 40, 50, 75, 80)))} milligrams"
    low, high = {"small": (2, 9), "count": (2, 12), "medium": (13, 99), "big": (101, 480)}[slot]
    return number(draw.randint(low, high))


def texts(seed: int, words: int) -> list[str]:
    """Utterances of one to three sentences, until there are so many words."""
    draw = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    found: list[str] = []
    total = 0
    while total < words:
        patterns = draw.sample(PATTERNS, draw.choice((1, 1, 2, 3)))
        text = " ".join(re.sub(r"\{(\w+)\}", lambda slot: fill(slot[1], draw), pattern) for pattern in patterns)
        found.append(text)
        total += len(text.split())
    return found


def main() -> int:
    """Make the corpus."""
    parser = argparse.ArgumentParser(description="Make a folder of spoken sentences.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--joe", type=Path, help="the Piper voice's .onnx, its .onnx.json beside it")
    parser.add_argument("--words", type=int, default=2100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    draw = random.Random(args.seed)  # noqa: S311
    robots = [robot_voice(name, speed) for name, speed in (("en-us", 0.9), ("en-gb", 0.85), ("en-gb-x-rp", 0.95))]
    people = [piper_voice(args.joe, args.seed, speed) for speed in (0.9, 1.0, 1.15)] if args.joe else []
    voices = people * 3 + robots if people else robots
    args.folder.mkdir(parents=True, exist_ok=True)
    for count, text in enumerate(texts(args.seed, args.words)):
        rate = draw.choice((8000, 16000, 22050))
        samples, own = draw.choice(voices)(text)
        samples = resample(samples, own, rate)
        variant = draw.choice(("plain", "plain", "noise", "telephone", "silence"))
        lead, trail = (draw.uniform(1, 3), draw.uniform(2, 6)) if variant == "silence" else (0.2, 0.3)
        samples = with_silence(samples, rate, lead, trail)
        if variant == "telephone":
            samples = telephone(samples, rate)
        if variant == "noise":
            samples = with_noise(samples, draw.uniform(12, 25), np.random.default_rng(count))
        save(args.folder / f"{count:03}.wav", samples, rate)
        (args.folder / f"{count:03}.txt").write_text(text + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
