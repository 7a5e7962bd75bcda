"""Values that signals tell, each with its writings: as printed, as typed in a note, as said.

What is said stands as `<spoken|transcript>`: the words for the voice, and what a good recogniser writes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from scenarios.numerals import MONTHS, clipped, clock, day, decimal, large


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its writings.

    Attributes:
        kind: its type, such as `money`.
        key: what is compared: a number in the kind's base unit, a date, minutes of a day, words.
        printed: as forms, receipts and plates have it.
        said: as a person says it, `<spoken|transcript>`.
        typed: as a person types it.
        answers: entries of a question's `answer`, alternatives within one separated by `|`.
    """

    kind: str
    key: object
    printed: tuple[str, ...]
    said: tuple[str, ...]
    typed: tuple[str, ...]
    answers: tuple[str, ...]


def mark(spoken: str, transcript: str) -> str:
    """A said writing."""
    return f"<{spoken}|{transcript}>"


def plain(number: float, places: int = 2) -> str:
    """A number without needless zeros.

    >>> plain(7.50), plain(400.0), plain(0.375, 3)
    ('7.5', '400', '0.375')
    """
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def either(*options: str) -> str:
    """Alternatives of an entry, each once."""
    return "|".join(dict.fromkeys(options))


def quantity(
    kind: str, base: float, units: Sequence[tuple[float, int, Sequence[str], str, str]], key: float | None = None
) -> Value:
    """A number with a unit, written in each of the units.

    Args:
        kind: the value's kind.
        base: the number in the base unit.
        units: for each unit the number in it for one base unit, its decimal places, its symbols as they are printed
            (with the gap before them), its word in the plural, and its word in the singular.
        key: what is compared, `base` without it.
    """
    printed, said, typed, numbers = [], [], [], []
    for factor, places, symbols, words, word in units:
        text = plain(base * factor, places)
        numbers.append(text)
        printed += [text + symbol for symbol in symbols]
        name = word if text == "1" else words
        typed += [text + symbols[0], f"{text} {name}", text + symbols[-1]]
        said.append(mark(f"{decimal(text)} {name}", text + symbols[0]))
    return Value(
        kind, base if key is None else key, _distinct(printed), _distinct(said), _distinct(typed), (either(*numbers),)
    )


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


CURRENCIES = {  # code -> sign, word for many, word for one, word for hundredths
    "USD": ("$", "dollars", "dollar", "cents"),
    "GBP": ("£", "pounds", "pound", "pence"),
    "EUR": ("€", "euros", "euro", "cents"),
}


def money(cents: int, currency: str = "USD") -> Value:
    """An amount of money; the key is in hundredths."""
    sign, many, one, small = CURRENCIES[currency]
    whole, rest = divmod(cents, 100)
    text = f"{whole}.{rest:02d}"
    unit = one if whole == 1 else many
    words = large(whole)
    if rest == 0:
        said = [mark(f"{words} {unit}", f"{whole} {unit}"), mark(f"{words} {unit} even", f"{whole} {unit} even")]
        typed = [f"{sign}{whole}", f"{text} {currency}", f"{whole} {unit}", text]
    else:
        behind = f"{'oh ' if rest < 10 else ''}{large(rest)}"
        said = [
            mark(f"{words} {unit} and {large(rest)} {small}", f"{sign}{text}"),
            mark(f"{words} {unit} {large(rest)}", f"{sign}{text}"),
            mark(f"{words} {behind}", text),
        ]
        typed = [f"{sign}{text}", text, f"{text} {currency}", f"{currency} {text}", f"{text} {unit}"]
    return Value("money", cents, (text, f"{sign}{text}"), tuple(said), tuple(typed), (text,))


def calendar_day(value: date, *, year_told: bool = True) -> Value:
    """A date; the year may be left out where it is said or typed."""
    d, m, y = value.day, MONTHS[value.month - 1], value.year
    tail = f" {y}" if year_told else ""
    british, american = day(value, with_year=year_told)
    said = (mark(british, f"{_nth(d)} of {m}{tail}"), mark(american, f"{m} {_nth(d)}{',' + tail if tail else ''}"))
    typed = (f"{d} {m}{tail}", f"{_nth(d)} of {m}{tail}", f"{m} {d}{',' + tail if tail else ''}", f"{d} {m[:3]}{tail}")
    printed = (
        f"{d:02d}/{value.month:02d}/{y}",
        f"{d:02d}.{value.month:02d}.{y}",
        f"{d} {m[:3]} {y}",
        f"{d} {m} {y}",
        value.isoformat(),
    )
    return Value("date", value, printed, said, typed + (printed[0], printed[-1]) * year_told, (value.isoformat(),))


def _nth(number: int) -> str:
    """A number with its ending.

    >>> _nth(1), _nth(12), _nth(23)
    ('1st', '12th', '23rd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def time_of_day(hour: int, minute: int) -> Value:
    """A time of day; the key is in minutes."""
    text = f"{hour:02d}:{minute:02d}"
    twelve, half = (hour - 1) % 12 + 1, "am" if hour < 12 else "pm"
    said = tuple(
        mark(words, f"{twelve}:{minute:02d} {half}" if i < 2 else text) for i, words in enumerate(clock(hour, minute))
    )
    printed = (text, f"{twelve}:{minute:02d} {half.upper()}", f"{text}:00")
    typed = (text, f"{twelve}:{minute:02d} {half}", f"{twelve}.{minute:02d}{half}")
    return Value("time", 60 * hour + minute, printed, said, typed, (text,))


def dose(micrograms: int) -> Value:
    """A dose of a medicine; the key is in micrograms."""
    if micrograms < 1000:
        return quantity(
            "dose",
            micrograms,
            [
                (1, 0, (" mcg", "mcg", " µg"), "micrograms", "microgram"),
                (0.001, 3, (" mg",), "milligrams", "milligram"),
            ],
        )
    milligrams = micrograms / 1000
    units: list[tuple[float, int, Sequence[str], str, str]] = [(1, 1, (" mg", "mg"), "milligrams", "milligram")]
    if milligrams >= 500:
        units.append((0.001, 2, (" g",), "grams", "gram"))
    found = quantity("dose", milligrams, units, micrograms)
    if milligrams == 500:
        return Value(
            found.kind,
            found.key,
            found.printed,
            (*found.said, mark("half a gram", "half a gram")),
            found.typed,
            ("500|0.5|half a gram",),
        )
    return found


def temperature(celsius: float, *, fahrenheit: bool = True, places: int = 1) -> Value:
    """A temperature, in both units where it is a person's or a room's; the key is in degrees Celsius."""
    warm = quantity(
        "temperature", celsius, [(1, places, (" °C", "°C", " degrees C"), "degrees Celsius", "degree Celsius")]
    )
    number = plain(celsius, places)
    short = mark(f"{decimal(number)} degrees", f"{number} degrees")
    if not fahrenheit:
        return Value(
            warm.kind, celsius, warm.printed[:2], (*warm.said, short), (*warm.typed, f"{number}C"), warm.answers
        )
    other = plain(celsius * 9 / 5 + 32, 1)
    return Value(
        warm.kind,
        celsius,
        (*warm.printed[:2], f"{other} °F"),
        (
            *warm.said,
            mark(f"{decimal(other)} degrees Fahrenheit", f"{other} degrees Fahrenheit"),
            mark(f"{decimal(other)} Fahrenheit", f"{other} Fahrenheit"),
        ),
        (*warm.typed, f"{other} F", f"{other} °F"),
        (either(number, other, f"{celsius:.1f}"),),
    )


def pressure(bar: float) -> Value:
    """A pressure; the key is in bar."""
    return quantity(
        "pressure",
        bar,
        [
            (1, 1, (" bar", "bar"), "bar", "bar"),
            (100, 0, (" kPa",), "kilopascals", "kilopascal"),
            (0.1, 2, (" MPa",), "megapascals", "megapascal"),
        ],
    )


def percentage(value: float) -> Value:
    """A percentage."""
    found = quantity("percentage", value, [(1, 1, (" %", "%", " percent"), "percent", "percent")])
    number = plain(value, 1)
    return Value(
        found.kind,
        value,
        found.printed[:2],
        (*found.said, mark(f"{decimal(number)} per cent", f"{number}%")),
        found.typed,
        found.answers,
    )


def voltage(volts: int) -> Value:
    """A voltage; the key is in volts."""
    found = quantity("voltage", volts, [(1, 0, (" V", "V", " VAC"), "volts", "volt")])
    short = mark(f"{clipped(volts)} volts", f"{volts} volts")
    return Value(
        found.kind,
        volts,
        found.printed,
        (*found.said, short),
        (*found.typed, f"{volts / 1000:g} kV"),
        (f"{volts}|{volts / 1000:g}",),
    )


def current(amperes: float) -> Value:
    """A current; the key is in amperes."""
    return quantity("current", amperes, [(1, 1, (" A", "A", " amps"), "amps", "amp")])


def power(kilowatts: float) -> Value:
    """A power; the key is in kilowatts."""
    found = quantity(
        "power", kilowatts, [(1, 2, (" kW", "kW"), "kilowatts", "kilowatt"), (1000, 0, (" W",), "watts", "watt")]
    )
    whole, half = divmod(kilowatts, 1)
    extra = (mark(f"{large(int(whole))} and a half kilowatts", f"{kilowatts:g} kW"),) if half == 0.5 and whole else ()
    return Value(found.kind, kilowatts, found.printed, found.said + extra, found.typed, found.answers)


def frequency(hertz: int) -> Value:
    """A frequency in hertz."""
    return quantity("frequency", hertz, [(1, 0, (" Hz", "Hz", " cycles"), "hertz", "hertz")])


def speed(rpm: int) -> Value:
    """Revolutions a minute."""
    found = quantity(
        "speed", rpm, [(1, 0, (" rpm", " 1/min", " r/min"), "revolutions per minute", "revolution per minute")]
    )
    head, tail = divmod(rpm, 100)
    short = mark(f"{large(head)} {clipped(tail) if tail else 'hundred'} r p m", f"{rpm} rpm")
    return Value(
        found.kind,
        rpm,
        found.printed,
        (*found.said, short),
        (f"{rpm} rpm", f"{rpm:,} rpm", f"{rpm} RPM"),
        found.answers,
    )


def blood_pressure(upper: int, lower: int) -> Value:
    """A blood pressure in mmHg."""
    text = f"{upper}/{lower}"
    return Value(
        "blood pressure",
        (upper, lower),
        (text, f"{text} mmHg", f"{upper} / {lower}"),
        (
            mark(f"{clipped(upper)} over {clipped(lower)}", f"{upper} over {lower}"),
            mark(f"{large(upper)} over {large(lower)}", text),
        ),
        (text, f"{upper} over {lower}", f"{text} mmHg"),
        (str(upper), str(lower)),
    )


def weight(kilograms: int) -> Value:
    """A person's weight; pounds are rounded to whole ones."""
    found = quantity(
        "weight", kilograms, [(1, 1, (" kg", "kg"), "kilos", "kilo"), (2.20462, 0, (" lb", " lbs"), "pounds", "pound")]
    )
    exact = mark(f"{large(kilograms)} kilograms", f"{kilograms} kg")
    return Value(
        found.kind,
        kilograms,
        (f"{kilograms} kg", f"{kilograms}.0 kg", found.printed[2]),
        (*found.said, exact),
        found.typed,
        found.answers,
    )
