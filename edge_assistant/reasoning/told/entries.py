"""Typed lines that are a label and its value, "Name: Ada Hale": read as the fields of a form are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant.evidence import Passage
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.written.fields import field_claims
from edge_assistant.reasoning.written.rows import Row

_ENTRY = re.compile(r"^[ \t]*(?:[-*•][ \t]*)?([^\W\d_][^\n:.,;?!=]{0,40}?)[ \t]*:[ \t]+(\S[^\n]{0,80})$", re.M)
_MAX_VALUE = 8  # words; more are a sentence
_MAX_LABEL = 4  # words
_MAX_ENTRIES = 500  # of one source


def entry_claims(source: Source, told: Sequence[Claim]) -> list[Claim]:
    """The claims of a source's labelled lines that its sentences do not make.

    A label that names no attribute is one only among others that do: the lines of a chat begin with names.

    Args:
        source: of which what is typed is read.
        told: what code found in its sentences.
    """
    claims = field_claims(list(_entries(source))[:_MAX_ENTRIES], source.signal.id)
    names = {attribute.name for attribute in vocabulary().attributes.values()}
    known = {claim.attribute for claim in told}
    is_record = any(claim.attribute in names for claim in claims)
    return [claim for claim in claims if is_record and claim.attribute not in known]


def _entries(source: Source) -> Iterator[Row]:
    for line in source.evidence:
        if not isinstance(line.detail, Passage):
            continue
        for match in _ENTRY.finditer(line.text):
            label, value = (part.strip() for part in match.groups())
            if len(label.split()) <= _MAX_LABEL and len(value.split()) <= _MAX_VALUE:
                yield Row(line.id, (label, value.rstrip(".")), (None, None), True, 1.0)
