"""A scripted model that reads: it copies what a test says that it copies of each source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakes import ScriptedEngine, scripted

from edge_assistant.reasoning.comprehension.answering import Sort


def model(
    told: Mapping[str, str], sort: str = "value", call: str = "none", writes: str = "Answer: not told"
) -> ScriptedEngine:
    """A model that reads: what it copies where a source's line and a question stand in its prompt.

    Args:
        told: what it copies, by words that stand in the prompt.
        sort: of the question.
        call: over readings.
        writes: the plain question behind one for agreement, or what several sources tell.
    """

    def reply(prompt: str, options: Sequence[str]) -> str:
        if set(options) & {str(one) for one in Sort}:
            return sort
        if options:
            return options[-1]  # the source tells it; this is the answer
        if prompt.startswith("Source, "):
            return next((text for key, text in told.items() if all(k in prompt for k in key.split("|"))), "not told")
        return call if "[degC]" in prompt else writes

    return scripted(reply=reply)
