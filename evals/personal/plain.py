"""Values that look like personal data and are none: readings, amounts, part numbers, times, versions, doses."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from evals.personal.values import Make, digits, grouped


def _reading(random: Random) -> str:
    value = f"{random.uniform(-40, 4000):.{random.randint(0, 3)}f}"
    return f"{value} {random.choice(('bar', 'degC', 'kPa', 'rpm', 'mm/s', 'V', 'kWh', '%', 'mmol/l'))}"


def _money(random: Random) -> str:
    return f"{random.choice('£$€')}{random.uniform(1, 99_999):,.2f}"


def _part(random: Random) -> str:
    ways = (
        f"{random.choice(('PN', 'AX', 'KR', 'TB'))}-{digits(random, 4)}-{digits(random, 2)}",
        f"{digits(random, 3)}.{digits(random, 3)}",
        f"{random.choice('ABCDM')}{digits(random, 3)}-{digits(random, 5)}",
        f"6{digits(random, 3)}-2RS",
        f"{random.choice(('SN', 'LOT'))}{digits(random, 8)}",
    )
    return random.choice(ways)


def _time(random: Random) -> str:
    day = f"{random.randint(2019, 2026)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
    clock = f"{random.randint(0, 23):02d}:{random.randint(0, 59):02d}:{random.randint(0, 59):02d}"
    ways = (
        f"{day}T{clock}Z",
        f"{day} {clock}",
        f"{day} {clock},{digits(random, 3)}",
        f"{day}T{clock}.{digits(random, 6)}+01:00",
    )
    return random.choice(ways)


def _day(random: Random) -> str:
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(2019, 2026)
    return random.choice(
        (f"{day:02d}/{month:02d}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day:02d}.{month:02d}.{year}")
    )


def _version(random: Random) -> str:
    return f"{random.randint(0, 30)}.{random.randint(0, 20)}.{random.randint(0, 400)}"


def _dose(random: Random) -> str:
    amount = random.choice((5, 10, 20, 40, 75, 100, 200, 400, 500, 1000))
    unit, often = random.choice(("mg", "ml", "micrograms", "units")), ("twice daily", "at 08:00", "every 6 hours")
    return f"{amount} {unit} {random.choice(often)}"


def _address_of_host(random: Random) -> str:
    return ".".join(str(random.randint(1, 254)) for _ in range(4))


def _sum(random: Random) -> str:
    return "".join(random.choice("0123456789abcdef") for _ in range(random.choice((12, 40, 64))))


def _series(random: Random) -> str:
    return " ".join(f"{random.uniform(10, 99):.1f}" for _ in range(random.randint(4, 9)))


def _place(random: Random) -> str:
    return f"{random.uniform(-90, 90):.5f}, {random.uniform(-180, 180):.5f}"


def _said(random: Random) -> str:
    ways = (
        "one point two bar",
        "twenty three degrees",
        "two hundred and forty volts",
        "three out of ten",
        "half past seven",
        "one hundred and twenty over eighty",
        "four hundred milligrams",
        "seven or eight times",
    )
    return random.choice(ways)


MAKERS: Mapping[str, Make] = {
    "reading": _reading,
    "money": _money,
    "part": _part,
    "time": _time,
    "day": _day,
    "version": _version,
    "dose": _dose,
    "pressure": lambda random: f"{random.randint(90, 180)}/{random.randint(50, 110)}",
    "count": lambda random: str(random.randint(1, 5000)),
    "order": lambda random: digits(random, random.choice((6, 8, 9, 12))),
    "tracking": lambda random: grouped(f"9{digits(random, 15)}", (4, 4, 4, 4)),
    "host": _address_of_host,
    "sum": _sum,
    "series": _series,
    "place": _place,
    "said": _said,
    "percent": lambda random: f"{random.uniform(0, 100):.1f} %",
}
