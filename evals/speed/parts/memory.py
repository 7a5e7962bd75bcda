"""The most memory of a whole question that wants every model, the language model too, with the weights in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edge_assistant.core.errors import ModelError
from evals.speed.part import Setting
from evals.speed.parts.question import product
from evals.speed.process import measure as run_command
from evals.speed.rows import How, Limit, Row

NAME = "memory"
HELP = "the most memory (PSS, weights included) of the profiles starter and tiny, every model in use"
SECONDS = (60.0, 25.0)
ORDER = 10
SIGNALS = True
QUESTION = "Summarise what the sources say about the patient."  # sentences: the language model has to write
MOST_MIB = {"starter": 2.2 * 1024, "tiny": 1.1 * 1024}  # by profile, whatever is asked
_RUNS = 2


def measure(setting: Setting) -> Iterator[Row]:
    """Measure; a profile whose models are not there is left out, unless it is the one that is wanted."""
    asked = list(dict.fromkeys([setting.profile, *MOST_MIB]))
    runs = 1 if setting.quick else _RUNS
    for number, profile in enumerate(asked):
        one = replace(setting, profile=profile, question=QUESTION)
        try:
            for name in setting.portfolio.resolve(profile).values():
                if profile != setting.profile:
                    setting.portfolio.open(name)
        except ModelError:
            continue
        peaks = tuple(run_command(product(one)).peak_mib for _ in range(runs))
        setting.step((number + 1) / len(asked))
        limit = Limit(MOST_MIB[profile]) if profile in MOST_MIB else None
        if all(peaks):
            yield Row(f"memory.{profile}", f"the most memory, {profile}", "MiB", peaks, how=How.VALUE, limit=limit)
