"""Rating plates: quantities that their units alone tell apart, in whatever order they stand.

`400 V 50 Hz 12 A`, `V 400  Hz 50`, a row of units over a row of numbers, `IP55`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Identifier, Nothing, Quantity
from edge_assistant.reasoning.written.rows import Row
from edge_assistant.reasoning.written.typed import quantities

_MAX_WORDS = 24  # of a row of a plate; more is a sentence
_IP = re.compile(r"(?<![^\W_])IP\s?-?(\d{2}|\dX|X\d)[A-Z]?(?![^\W_])")
_NUMBER = r"\d+(?:[.,]\d+)?(?:\s?[/-]\s?\d+(?:[.,]\d+)?)?"
_ALTERNATIVE = re.compile(r"\([^)]*\)")  # 5.5 kW (7.5 hp) is one power


def plate_claims(page: Sequence[Row], signal: str) -> list[Claim]:
    """The claims of rows whose units say what they tell."""
    found: list[tuple[str, Claim]] = []
    for index, row in enumerate(page):
        if len(row.text.split()) > _MAX_WORDS or any(row.columns):
            continue
        base = Claim(signal, Nothing(), row.text, (row.id,), row.confidence)
        under = page[index + 1] if index + 1 < len(page) else None
        found += [(_lead(row), claim) for claim in _row_claims(row, under, base)]
    return _told_apart(found)


def _row_claims(row: Row, under: Row | None, base: Claim) -> Iterator[Claim]:
    if protection := _IP.search(row.text):
        code = re.sub(r"\W", "", protection[0]).upper()
        yield replace(base, value=Identifier(code), text=protection[0], attribute="protection class")
    if (pairs := _header(row, under)) and under is not None:
        base = replace(base, evidence=(row.id, under.id))
    elif not (pairs := _units_first(row)):
        pairs = [(None, _ALTERNATIVE.sub("", row.text))]
    for unit, text in pairs:
        for candidate in _measured(unit, text):
            assert isinstance(candidate.value, Quantity)
            attribute = vocabulary().unit_names[candidate.value.unit or ""]
            yield replace(base, value=candidate.value, text=candidate.text, attribute=attribute.replace("_", " "))


def _units_first(row: Row) -> list[tuple[str | None, str]]:
    """Units with the numbers behind them, where a row begins with one: `V 400  Hz 50`."""
    text = re.sub(r"\s*[:=]\s*", " ", row.text)
    units = unit_pattern()
    if not re.match(rf"(?:{units})\s+\d", text):
        return []
    return [(match[1], match[2]) for match in re.finditer(rf"(?<!\S)({units})\s+({_NUMBER})(?!\S)", text)]


def _header(row: Row, under: Row | None) -> list[tuple[str | None, str]]:
    """Units that stand over numbers, cell by cell."""
    if under is None or len(row.cells) < 2 or len(row.cells) != len(under.cells):
        return []
    units = [cell for cell in row.cells if re.fullmatch(unit_pattern(), cell)]
    numbers = [cell for cell in under.cells if re.fullmatch(_NUMBER, cell)]
    if len(units) < 2 or len(numbers) < 2:
        return []
    pairs = zip(row.cells, under.cells, strict=True)
    return [(a, b) for a, b in pairs if a in units and b in numbers]


def _measured(unit: str | None, text: str) -> Iterator[Candidate]:
    """The quantities of a text whose units name an attribute; `unit` is that of a number that has none."""
    whole = text if unit is None else f"{text} {unit}"
    for found in quantities(whole):
        assert isinstance(found.value, Quantity)
        if found.value.unit not in vocabulary().unit_names:
            continue
        end = found.end if unit is None else len(text)
        yield Candidate(whole[found.start : end], found.value, found.start, end)


@per_vocabulary
def unit_pattern(vocabulary: Vocabulary) -> str:
    """What a unit of a plate may look like alone, the longest first."""
    written = [name for name, unit in vocabulary.units.items() if unit in vocabulary.unit_names]
    written += list(vocabulary.unit_names)
    short = {name for name in written if len(name) <= 5}
    short |= {name.upper() for name in short if name.islower() and len(name) > 1}
    return "|".join(re.escape(name) for name in sorted(short, key=lambda name: (-len(name), name)))


def _lead(row: Row) -> str:
    """The words that a row begins with: `Input` before `230 V`."""
    match = re.match(r"[^\W\d_]{3,}(?: [^\W\d_]{3,})*", row.text)
    return match[0].lower() if match else ""


def _told_apart(found: Sequence[tuple[str, Claim]]) -> list[Claim]:
    """One claim of each attribute; two where words before them say what each is of, as input and output."""
    by_attribute: dict[str | None, list[tuple[str, Claim]]] = defaultdict(list)
    for lead, claim in found:
        by_attribute[claim.attribute].append((lead, claim))
    kept: list[Claim] = []
    for same in by_attribute.values():
        leads = {lead for lead, _ in same}
        if len(same) > 1 and len(leads) == len(same) and "" not in leads:
            kept += [replace(claim, subject=lead) for lead, claim in same]
        else:
            kept.append(same[0][1])
    return kept
