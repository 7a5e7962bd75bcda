"""Medicines as forms list them: each drug with its dose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.intakes import INTAKE, intake_times
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.values import Items, Nothing, Quantity
from edge_assistant.reasoning.written.rows import Row

_MAX_NAME_WORDS = 5  # of a line that names a medicine with its dose and form
_APART = re.compile(r"[;,+\n]|\band\b|\s/\s", re.I)
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:-[^\W_]+)*")
_MISREAD = re.compile(r"(?<![\w.,])(\d[\dOoC]*(?:[.,]\d+)?)\s?([^\W_]+\.?)(?!\w)")


def medicine_claims(text: str, base: Claim) -> Iterator[Claim]:
    """The drugs of a list and the dose of each: `ramipril 5 mg once daily; aspirin 75 mg`.

    Args:
        text: the value of a field.
        base: what the claims have in common.
    """
    from edge_assistant.reasoning.written.typed import is_nothing

    if is_nothing(text):
        yield replace(base, attribute="medication")
        return
    last: str | None = None
    for part in _APART.split(text):
        drug = drug_of(part)
        if drug is not None:
            last = drug
            yield replace(base, value=Items((drug.lower(),)), text=drug, attribute="medication")
        dose = dose_of(part)
        if dose is not None and last is not None:
            yield replace(base, value=dose.value, text=dose.text, attribute="dose", subject=last)
        if last is not None and (time := next(intake_times(part), None)):
            yield replace(base, value=time.value, text=time.text, attribute=INTAKE, subject=last)


def named_medicines(page: Sequence[Row], signal: str) -> Iterator[Claim]:
    """The medicine that a line of a pharmacy's label names with its form: `Ibuprofen 400 mg tablets`."""
    for row in page:
        words = row.text.lower().split()
        if row.field or not 2 <= len(words) <= _MAX_NAME_WORDS or words[-1] not in vocabulary().written["forms"]:
            continue
        drug = drug_of(row.text)
        if drug is not None and row.text.startswith(drug):
            yield from medicine_claims(row.text, Claim(signal, Nothing(), row.text, (row.id,), row.confidence))


def drug_of(text: str) -> str | None:
    """The drug that a part of a list names: its words before or behind the dose that say nothing of how it is taken.

    >>> drug_of("Ramipril 5 mg once daily"), drug_of("75mg aspirin"), drug_of("once daily")
    ('Ramipril', 'aspirin', None)
    """
    words = vocabulary()
    units = {unit.lower() for unit in words.units} | set(words.misread)
    taken = words.written["regimen"] | words.written["forms"] | words.words["stop"] | units
    found: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        if match[0].lower() in taken:
            if found:
                break
            continue
        if found and match.start() - found[-1].end() > 1:
            break
        found.append(match)
    return text[found[0].start() : found[-1].end()] if found else None


def dose_of(text: str) -> Candidate | None:
    """The dose in a part of a list; a hurried "mg" that was read as "my" is one, and so is 85C mg."""
    units = vocabulary().attributes["dose"].units
    for found in find("quantity", text):
        if isinstance(found.value, Quantity) and found.value.unit in units:
            return found
    for match in _MISREAD.finditer(text):
        unit = vocabulary().misread.get(match[2].lower()) or (match[2] if match[2] in units else None)
        if unit is not None:
            number = re.sub(r"[OoC]", "0", match[1])
            value = next(iter(find("quantity", f"{number} {unit}"))).value
            return Candidate(match[0], value, match.start(), match.end())
    return None
