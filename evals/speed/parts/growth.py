"""What a question costs as what it is about grows: pages, minutes of speech, rows of readings; whole commands, cold.

Time that grows as the work does is a line of slope 1 on logarithmic axes; what is fixed makes it flatter at the small
end, so the slope is that of the last step.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from edge_assistant.core.limits import PAGES
from edge_assistant.core.signals import SAMPLE_RATE
from evals.speed import recordings
from evals.speed.part import Setting
from evals.speed.parts.memory import MOST_MIB
from evals.speed.parts.page import scan
from evals.speed.process import OURS, Run, clear_caches
from evals.speed.process import measure as run_command
from evals.speed.rows import How, Limit, Row

NAME = "growth"
HELP = "1, 10 and 100 pages and minutes of speech, 10 thousand to 10 million rows: seconds and the most memory"
SECONDS = (900.0, 90.0)
ORDER = 9
SIGNALS = False
_STEEPEST = 1.1  # slope; 1 is linear
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Grown:
    """One size."""

    size: int  # of the work
    seconds: float  # of the command
    peak_mib: float  # the most memory of it


@dataclass(frozen=True, slots=True)
class Kind:
    """Work that grows."""

    name: str  # of the row
    what: str  # one of its size is counted
    sizes: tuple[tuple[int, ...], tuple[int, ...]]  # whole, and quick
    question: str  # what is asked
    make: Callable[[Setting, int], list[str]]  # the options of a command over so much work, made in a folder


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    total = sum(sum(kind.sizes[setting.quick]) / kind.sizes[setting.quick][-1] for kind in KINDS)
    done = 0.0
    for kind in KINDS:
        grown: list[Grown] = []
        for size in kind.sizes[setting.quick]:
            options = kind.make(setting, size)
            clear_caches()
            grown.append(_grown(size, run_command([*OURS, "ask", kind.question, "--json", *_of(setting), *options])))
            done += size / kind.sizes[setting.quick][-1]
            setting.step(done / total)
        yield from rows(kind, grown, MOST_MIB.get(setting.profile))


def rows(kind: Kind, grown: Sequence[Grown], most_mib: float | None) -> Iterator[Row]:
    """How steep the time is at the end, and the memory of the largest.

    Args:
        kind: of work.
        grown: its sizes, from small to large.
        most_mib: the profile's own, as more work must not want more than every model at once; None where nothing is
            promised of it.
    """
    limit = None if most_mib is None else Limit(most_mib)
    told = [{"size": one.size, "seconds": one.seconds, "peak_mib": one.peak_mib} for one in grown]
    what = f"{grown[0].size:,} to {grown[-1].size:,} {kind.what}"
    yield Row(
        f"growth.{kind.name}", f"{what}: slope of the time, 1 is linear", "slope", (slope(grown[-2], grown[-1]),),
        how=How.VALUE, limit=Limit(_STEEPEST), details={"of": kind.what, "grown": told},
    )  # fmt: skip
    if peak := grown[-1].peak_mib:
        yield Row(
            f"growth.{kind.name}_memory", f"{grown[-1].size:,} {kind.what}: the most memory", "MiB", (peak,),
            how=How.VALUE, limit=limit, details={"before_mib": grown[-2].peak_mib},
        )  # fmt: skip


def slope(small: Grown, large: Grown) -> float:
    """The exponent with which the time grows from one size to another.

    >>> slope(Grown(10, 2.0, 0), Grown(100, 20.0, 0))
    1.0
    """
    return math.log(large.seconds / small.seconds) / math.log(large.size / small.size)


def _grown(size: int, run: Run) -> Grown:
    json.loads(run.out)  # an answer, and nothing else
    return Grown(size, run.seconds, run.peak_mib)


def _of(setting: Setting) -> list[str]:
    return ["--profile", setting.profile]


def _pages(setting: Setting, count: int) -> list[str]:
    """PDFs of scanned pages without a text layer, each of as many as one document may have."""
    options = []
    for start in range(0, count, PAGES.value):
        from PIL import Image

        images = [Image.fromarray(scan(seed)[1]) for seed in range(start, min(count, start + PAGES.value))]
        path = setting.folder / f"pages-{count}-{start}.pdf"
        images[0].save(path, save_all=True, append_images=images[1:], resolution=150.0)
        options += ["--image", str(path)]
    return options


def _minutes(setting: Setting, count: int) -> list[str]:
    """One recording; what is longer than some minutes says the same minutes again and again."""
    import numpy as np

    made = [*islice(recordings.spoken_sentences(setting.portfolio), _SENTENCES)]
    wanted, parts = round(count * _MINUTE * SAMPLE_RATE), list[np.ndarray[tuple[int], np.dtype[np.float32]]]()
    while sum(map(len, parts)) < wanted:
        parts += [one.samples for one in made]
    path = setting.folder / f"minutes-{count}.wav"
    recordings.write(path, np.concatenate(parts)[:wanted])
    return ["--audio", str(path)]


_SENTENCES = 40  # two and a half minutes


def _rows(setting: Setting, count: int) -> list[str]:
    path = setting.folder / f"rows-{count}.csv"
    write_rows(path, count)
    return ["--readings", str(path)]


def write_rows(path: Path, count: int, seed: int = 0) -> None:
    """Invented readings, one a second: a temperature that wanders and a noisy humidity."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    draw = np.random.default_rng(seed)
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(count)
    columns = {
        "time": pa.array(times),
        "temperature [degC]": pa.array((20 + draw.normal(0, 0.01, count).cumsum()).round(2)),
        "humidity [%]": pa.array(draw.normal(50, 5, count).round(3)),
    }
    csv.write_csv(pa.table(columns), path)


KINDS = (
    Kind("pages", "pages of 50 lines", ((1, 10, 100), (1, 3)), "What was the price of the olive oil?", _pages),
    Kind("minutes", "minutes of speech", ((1, 10, 100), (1, 3)), "When is the meeting?", _minutes),
    Kind(
        "rows", "rows of readings", ((10_000, 100_000, 1_000_000, 10_000_000), (10_000, 100_000)),
        "What was the highest temperature?", _rows,
    ),
)  # fmt: skip
