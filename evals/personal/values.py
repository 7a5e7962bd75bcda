"""Invented values of each kind, written in the ways in which people and recognisers write them; none is anybody's."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from random import Random

Make = Callable[[Random], str]

# fmt: off
FIRST = (
    "Anna", "Ben", "Chloe", "Dario", "Elif", "Femi", "Grace", "Hiro", "Ines", "Jakub", "Kemal", "Laura", "Marek",
    "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Samir", "Tara", "Umar", "Vera", "Wanda", "Xavier", "Yusuf", "Zoe",
    "Aoife", "Bjorn", "Carmen", "Declan", "Esther", "Farid", "Giulia", "Hannah", "Ivan", "Jelena", "Kofi", "Lucia",
    "Mateus", "Noor",
)
LAST = (
    "Fischer", "Okafor", "Nakamura", "O'Brien", "Kowalska", "Silva", "Haddad", "Lindqvist", "Moreau", "Patel", "Rossi",
    "Sokolova", "Tanaka", "Ueda", "Varga", "Whitfield", "Yilmaz", "Zhang", "Abara", "Bergström", "Castellanos",
    "Dubois", "Eriksen", "Fernandes", "Grzelak", "Hussain", "Ivanova", "Jensen", "Kimura", "Lefèvre", "McAllister",
    "Novak", "Ortega", "Petrov", "Quigley", "Ramanathan", "Schuster", "Thornton", "Underwood", "Villanueva",
)
STREETS = (
    "Acacia", "Baker", "Chestnut", "Dunmore", "Elm", "Foundry", "Garden", "Harbour", "Ivy", "Jubilee", "Kiln",
    "Linden", "Mill", "Northgate", "Orchard", "Priory",
)
KINDS = (
    "Street", "Road", "Avenue", "Lane", "Close", "Drive", "Crescent", "Court", "Terrace", "Way",
)
SHORT = (
    "St", "Rd", "Ave", "Ln", "Dr", "Ct", "Blvd", "Pl",
)
TOWNS = (
    "Leeds", "Bristol", "Norwich", "Exeter", "Derby", "Salford", "Preston", "Lincoln",
)
STATES = ("Springfield, IL", "Portland, OR", "Austin, TX", "Dayton, OH", "Albany, NY")
HOSTS = (
    "example.com", "example.org", "mail.example.net", "clinic.example.co.uk", "post.example.de",
)
MONTHS = tuple(calendar.month_name)[1:]
WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)
TENS = (
    "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)
TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth",
    "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first",
)
# fmt: on


def digits(random: Random, count: int) -> str:
    """Digits, any of them."""
    return "".join(random.choice("0123456789") for _ in range(count))


def grouped(text: str, sizes: Sequence[int], sign: str = " ") -> str:
    """A text in groups of sizes; what is left over is the last one.

    >>> grouped("07700900123", (5, 3, 3))
    '07700 900 123'
    """
    parts, place = [], 0
    for size in sizes:
        parts.append(text[place : place + size])
        place += size
    return sign.join(part for part in (*parts, text[place:]) if part)


def spelled(random: Random, number: str) -> str:
    """Digits as they are dictated, or as a recogniser writes what was dictated."""
    return random.choice((_words, _words, _paused, _mixed, _single))(random, number)


def _word(random: Random, digit: str) -> str:
    return random.choice(("oh", "zero")) if digit == "0" else WORDS[int(digit)]


def _tokens(random: Random, number: str) -> list[str]:
    """Words, two or three equal digits as double or triple."""
    tokens, place = [], 0
    while place < len(number):
        digit = number[place]
        same = len(number[place:]) - len(number[place:].lstrip(digit))
        times = min(same, random.choice((1, 2, 3)))
        tokens.append({1: "", 2: "double ", 3: "triple "}[times] + _word(random, digit))
        place += times
    return tokens


def _words(random: Random, number: str) -> str:
    return " ".join(_tokens(random, number))


def _paused(random: Random, number: str) -> str:
    """With a comma after three or four words."""
    tokens = _tokens(random, number)
    size = random.choice((3, 4))
    return ", ".join(" ".join(tokens[i : i + size]) for i in range(0, len(tokens), size))


def _mixed(random: Random, number: str) -> str:
    """The beginning in digits, the rest in words."""
    return f"{number[:2]} {' '.join(_tokens(random, number[2:]))}"


def _single(random: Random, number: str) -> str:
    return random.choice((" ", "-")).join(number)


def _person(random: Random) -> str:
    first, last = random.choice(FIRST), random.choice(LAST)
    return random.choice((f"{first} {last}", f"{first} {random.choice('ABCDEHJKLMRST')}. {last}", f"{first} {last}"))


def _filed(random: Random) -> str:
    return f"{random.choice(LAST)}, {random.choice(FIRST)}"


def _mobile(random: Random) -> str:
    return f"07{random.choice('4579')}{digits(random, 8)}"


def _phone(random: Random) -> str:
    mobile, exchange, line = _mobile(random), f"{random.choice('23456789')}{digits(random, 2)}", digits(random, 4)
    area = random.choice(("212", "312", "415", "617", "713", "808"))
    ways = (
        mobile,
        grouped(mobile, (5,)),
        grouped(mobile, (5, 3)),
        f"+44 {mobile[1:5]} {mobile[5:]}",
        f"+44{mobile[1:]}",
        f"0044 {mobile[1:5]} {mobile[5:]}",
        f"+44 (0){mobile[1:5]} {mobile[5:]}",
        f"020 7946 {digits(random, 4)}",
        f"(0161) 496 {digits(random, 4)}",
        f"0113-496-{digits(random, 4)}",
        f"({area}) {exchange}-{line}",
        f"{area}-{exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"+1 {area} {exchange} {line}",
        f"+49 30 {digits(random, 7)}",
        f"+33 1 {grouped(digits(random, 8), (2, 2, 2))}",
        f"01 {grouped(digits(random, 8), (2, 2, 2))}",
    )
    return random.choice(ways)


def _email(random: Random) -> str:
    first, last = (
        random.choice(FIRST).lower(),
        "".join(c for c in random.choice(LAST).lower() if c.isascii() and c.isalpha()),
    )
    local = random.choice(
        (f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last}{digits(random, 2)}", f"{last}+ward3")
    )
    return f"{local}@{random.choice(HOSTS)}"


def _email_spoken(random: Random) -> str:
    first, last = random.choice(FIRST).lower(), random.choice(("smith", "patel", "rossi", "novak", "jensen"))
    return f"{first} dot {last} at {random.choice(HOSTS).replace('.', ' dot ')}"


def luhn(number: str) -> str:
    """A number with its check digit behind it (ISO/IEC 7812)."""
    total = sum(sum(divmod(int(c) * (2 - i % 2), 10)) for i, c in enumerate(reversed(number)))
    return f"{number}{-total % 10}"


def _card(random: Random) -> str:
    if random.random() < 0.2:
        return grouped(luhn(f"37{digits(random, 12)}"), (4, 6, 5), random.choice((" ", "")))
    number = luhn(f"{random.choice(('4', '51', '55', '2221', '6011'))}{digits(random, 15)}"[:15])
    return grouped(number, (4, 4, 4, 4), random.choice((" ", "-", "")))


def _card_spoken(random: Random) -> str:
    number = luhn(f"4{digits(random, 14)}")
    return random.choice((spelled(random, number), grouped(number, (4, 4, 4, 4), ", "), grouped(number, (3, 5, 4, 4))))


def _iban(random: Random) -> str:
    from stdnum import iban as standard

    country, size = random.choice((("DE", 18), ("GB", 18), ("FR", 23), ("ES", 20), ("NL", 14)))
    for _ in range(1000):
        body = {"GB": "WEST", "NL": "ABNA"}.get(country, "")
        body += digits(random, size - len(body))
        number = "".join(str(int(c, 36)) for c in f"{body}{country}00")
        iban = f"{country}{98 - int(number) % 97:02d}{body}"
        if standard.is_valid(iban):
            return grouped(iban, (4,) * 8) if random.random() < 0.7 else iban
    return "GB82 WEST 1234 5698 7654 32"  # the example of ISO 13616: where the country's own check digit was never met


def _nhs(random: Random) -> str:
    while True:
        body = f"{random.choice('467')}{digits(random, 8)}"
        check = 11 - sum(int(c) * (10 - i) for i, c in enumerate(body)) % 11
        if check != 10:
            return f"{body}{0 if check == 11 else check}"


def _ssn(random: Random) -> str:
    return f"{random.randint(1, 665):03d}{random.randint(1, 99):02d}{random.randint(1, 9999):04d}"


def _id(random: Random) -> str:
    dni, ssn = random.randint(10_000_000, 99_999_999), _ssn(random)
    nino = f"{random.choice('ABCEHJKLM')}{random.choice('ABCEHJKLM')}"
    day = f"{random.randint(40, 99)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}"
    ways = (
        grouped(ssn, (3, 2, 4), "-"),
        grouped(_nhs(random), (3, 3, 4)),
        f"{nino} {grouped(digits(random, 6), (2, 2, 2))} {random.choice('ABCD')}",
        f"{nino}{digits(random, 6)}{random.choice('ABCD')}",
        f"{dni}{'TRWAGMYFPDXBNJZSQVHLCKE'[dni % 23]}",
        f"{day}-{luhn(f'{day}{digits(random, 3)}')[6:]}",
        _nir(random),
    )
    return random.choice(ways)


def _nir(random: Random) -> str:
    when = f"{digits(random, 2)}{random.randint(1, 12):02d}"
    body = f"{random.choice('12')}{when}{random.randint(10, 95)}{digits(random, 6)}"
    return grouped(f"{body}{97 - int(body) % 97:02d}", (1, 2, 2, 2, 3, 3, 2))


def _account(random: Random) -> str:
    return digits(random, random.choice((8, 8, 10)))


def _sort_code(random: Random) -> str:
    return grouped(digits(random, 6), (2, 2, 2), random.choice(("-", " ")))


def _record(random: Random) -> str:
    ways = (
        digits(random, 7),
        f"{digits(random, 3)}-{digits(random, 4)}",
        f"{random.choice('ABHKP')}{digits(random, 6)}",
        f"{random.choice(('RX', 'MR', 'PT'))}-{digits(random, 6)}",
        f"{digits(random, 2)}/{digits(random, 5)}",
    )
    return random.choice(ways)


def _birth(random: Random) -> str:
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(1930, 2019)
    name = MONTHS[month - 1]
    ways = (
        f"{day:02d}/{month:02d}/{year}",
        f"{day}/{month}/{year % 100:02d}",
        f"{day:02d}-{month:02d}-{year}",
        f"{day:02d}.{month:02d}.{year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day} {name} {year}",
        f"{day:02d} {name[:3]} {year}",
        f"{name} {day}, {year}",
        f"{day:02d}-{name[:3].upper()}-{year}",
        f"{day}th {name} {year}",
    )
    return random.choice(ways)


def _year_spoken(year: int) -> str:
    if year >= 2000:
        rest = year - 2000
        return "two thousand" + (f" and {_below_100(rest)}" if rest else "")
    rest = year % 100
    return f"nineteen {_below_100(rest) if rest > 9 else f'oh {WORDS[rest]}' if rest else 'hundred'}"


def _below_100(number: int) -> str:
    if number < 10:
        return WORDS[number]
    if number < 20:
        return TEENS[number - 10]
    return TENS[number // 10 - 1] + (f" {WORDS[number % 10]}" if number % 10 else "")


def _birth_spoken(random: Random) -> str:
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(1930, 2019)
    name, told = MONTHS[month - 1], _year_spoken(year)
    ways = (
        f"{ORDINALS[day - 1]} of {name} {told}",
        f"{name} the {ORDINALS[day - 1]} {told}",
        f"{ORDINALS[day - 1]} of {name}, {year}",
        f"{day}th of {name} {year}",
        f"{_below_100(day)} {_below_100(month)} {told}",
    )
    return random.choice(ways)


def _address(random: Random) -> str:
    number, street = random.randint(1, 299), random.choice(STREETS)
    area = random.choice(("LS", "BS", "NR", "EX", "DE", "SW", "M", "E", "NW"))
    code = f"{area}{random.randint(1, 19)} {random.randint(1, 9)}{random.choice('ABDEFGH')}{random.choice('JLNPQRS')}"
    kind, short = random.choice(KINDS), random.choice(SHORT)
    ways = (
        f"{number} {street} {kind}",
        f"{number} {street} {kind}, {random.choice(TOWNS)} {code}",
        f"Flat {random.randint(1, 20)}, {number} {street} {kind}, {random.choice(TOWNS)}, {code}",
        f"{number} {street} {short}, {random.choice(STATES)} {digits(random, 5)}",
        f"{number}{random.choice('AB')} {street} {kind}",
    )
    return random.choice(ways)


def _address_spoken(random: Random) -> str:
    return f"{_below_100(random.randint(1, 99))} {random.choice(STREETS).lower()} {random.choice(KINDS).lower()}"


MAKERS: Mapping[str, tuple[str, Make]] = {
    "person": ("PERSON", _person),
    "filed": ("PERSON", _filed),
    "surname": ("PERSON", lambda random: random.choice(LAST)),
    "forename": ("PERSON", lambda random: random.choice(FIRST)),
    "phone": ("PHONE", _phone),
    "phone_spoken": ("PHONE", lambda random: spelled(random, _mobile(random))),
    "email": ("EMAIL", _email),
    "email_spoken": ("EMAIL", _email_spoken),
    "card": ("CARD", _card),
    "card_spoken": ("CARD", _card_spoken),
    "iban": ("ACCOUNT", _iban),
    "account": ("ACCOUNT", _account),
    "account_spoken": ("ACCOUNT", lambda random: spelled(random, digits(random, 8))),
    "sort_code": ("ACCOUNT", _sort_code),
    "id": ("ID", _id),
    "passport": ("ID", lambda random: digits(random, 9)),
    "nhs_spoken": ("ID", lambda random: spelled(random, _nhs(random))),
    "ssn_spoken": ("ID", lambda random: spelled(random, _ssn(random))),
    "record": ("RECORD", _record),
    "record_spoken": ("RECORD", lambda random: spelled(random, digits(random, 6))),
    "birth": ("BIRTH", _birth),
    "birth_spoken": ("BIRTH", _birth_spoken),
    "address": ("ADDRESS", _address),
    "address_spoken": ("ADDRESS", _address_spoken),
}
