"""Whether a question asks what somebody may have: what he is allergic to is then no answer, but its opposite.

Words in a list tell most such questions. Whatever the words, a value that the signals tell as bad for somebody is never
said without what it is: who asks in other words is told "Allergy: penicillin", and not "Penicillin".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from edge_assistant import patterns
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word
from edge_assistant.reasoning.values.candidates import as_words

_UP_TO_FOUR = r"(?:\W+[\w'-]{1,40}){0,4}?\W+"  # who is meant, between "can" and "have"


def may_mean(question: str, attribute: Attribute) -> bool:
    """Whether a question may ask for an attribute: not what somebody may have for one that is bad for him."""
    if not attribute.adverse:
        return True
    permitted, refused, considered = _words()
    names = any_word((*attribute.names, *attribute.labels))
    if re.search(names, re.sub(rf"{considered}{_UP_TO_FOUR}{names}", " ", question, flags=re.I), re.I):
        return True
    return permitted.search(question) is None or refused.search(question) is not None


def warned(claims: Iterable[Claim], told: Mapping[str, Sequence[Claim]]) -> list[Claim]:
    """Claims of an answer; one whose value its own evidence tells as bad for somebody becomes a claim of that.

    So it is with whatever found the answer: a rule, an example, or the language model that read a value.
    """
    bad = {attribute.name for attribute in vocabulary().attributes.values() if attribute.adverse}
    adverse = [c for known in told.values() for c in known if c.attribute in bad and c.present]
    return [_as_told(claim, adverse) for claim in claims]


def _as_told(claim: Claim, adverse: Sequence[Claim]) -> Claim:
    """A claim under the attribute of the one among `adverse` that has its words from the same evidence."""
    words = as_words(claim.text).tokens
    for other in adverse:
        if set(claim.evidence) & set(other.evidence) and words & as_words(other.text).tokens:
            return replace(claim, attribute=other.attribute)
    return claim


@per_vocabulary
def _words(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str], str]:
    modal, granted, alone, refused, considering = (
        any_word(vocabulary.asking[key]) for key in ("permitting", "permitted", "well_borne", "refused", "considering")
    )
    return (
        patterns.compile(rf"{modal}{_UP_TO_FOUR}{granted}|{alone}", re.I),
        patterns.compile(rf"{refused}|n['\u2019]t\b", re.I),
        considering,
    )
