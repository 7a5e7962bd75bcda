"""The record of what was measured over scenarios: one row a run, in a file that the repository keeps."""

from __future__ import annotations

import csv
import math
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_assistant.core.errors import StorageFull
from edge_assistant.reasoning.reason import UNCERTAIN
from evals.results import ScenarioResult

COLUMNS = (
    "date", "set", "commit", "reasoning", "profile", "perception", "first sight", "questions", "right", "share", "from",
    "to", "contradictions there", "said", "said and right", "untold right", "wrong without doubt",
)  # fmt: skip
_Z = 1.96  # of a 95 % interval


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927).

    >>> [round(end, 3) for end in wilson(22, 121)]
    [0.123, 0.26]
    """
    if not of:
        return 0.0, 1.0
    share, square = right / of, _Z**2 / of
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    return middle - half, middle + half


def add(
    path: Path,
    results: Sequence[ScenarioResult],
    folder: Path,
    *,
    commit: str,
    reasoning: str,
    profile: str,
    gold: bool,
    first: bool,
) -> None:
    """Append a run's figures.

    Args:
        path: the record; it is begun where it is not there.
        results: of all questions.
        folder: of the set; its name is the set's.
        commit: of the code that answered.
        reasoning: how the questions were answered.
        profile: which models.
        gold: whether evidence was gold.
        first: whether nobody had read a failure of this set before.

    Raises:
        StorageFull: the record cannot be written.
    """
    right = sum(result.judged.correct for result in results)
    low, high = wilson(right, len(results))
    said = [result for result in results if result.said == "conflict"]
    untold = [result for result in results if result.job.question.status == "not_in_evidence"]
    told = [
        r for r in results if r.said in ("supported", "conflict") and UNCERTAIN not in str(r.reply.said.get("answer"))
    ]
    wrong = [result for result in told if not (result.judged.status and result.judged.answer)]
    row = (
        datetime.now(UTC).date().isoformat(),
        folder.resolve().name,
        commit,
        reasoning,
        profile,
        "gold" if gold else "real",
        "yes" if first else "no",
        len(results),
        right,
        f"{right / len(results):.3f}",
        f"{low:.3f}",
        f"{high:.3f}",
        sum(result.job.question.status == "conflict" for result in results),
        len(said),
        sum(result.job.question.status == "conflict" for result in said),
        f"{sum(result.judged.correct for result in untold)} of {len(untold)}",
        len(wrong),
    )
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            if file.tell() == 0:
                rows.writerow(COLUMNS)
            rows.writerow(row)
    except OSError as error:
        raise StorageFull(
            f"{path.name} cannot be written ({error.strerror})", "name another file with --record"
        ) from None


def commit() -> str:
    """The commit of the code that answered, with + where it was changed since; empty outside of a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True)
        changed = subprocess.run(["git", "status", "--porcelain"], cwd=here, capture_output=True, text=True)
    except OSError:
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") if head.returncode == 0 else ""
