"""Whether a question asks what somebody may have: what he is allergic to is then no answer, but its opposite."""

from __future__ import annotations

import re

from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of

_UP_TO_FOUR = r"(?:\W+[\w'-]{1,40}){0,4}?\W+"  # who is meant, between "can" and "have"


def may_mean(question: str, attribute: Attribute) -> bool:
    """Whether a question may ask for an attribute: not what somebody may have for one that is bad for him."""
    if not attribute.adverse:
        return True
    permitted, refused, considered = _words()
    names = any_of((*attribute.names, *attribute.labels)).pattern
    if re.search(names, re.sub(rf"{considered}{_UP_TO_FOUR}{names}", " ", question, flags=re.I), re.I):
        return True
    return permitted.search(question) is None or refused.search(question) is not None


@per_vocabulary
def _words(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str], str]:
    modal, granted, alone, refused, considering = (
        any_of(vocabulary.asking[key]).pattern
        for key in ("permitting", "permitted", "well_borne", "refused", "considering")
    )
    return (
        re.compile(rf"{modal}{_UP_TO_FOUR}{granted}|{alone}", re.I),
        re.compile(rf"{refused}|n['\u2019]t\b", re.I),
        considering,
    )
