"""Results of a bench over scenarios: judged, kept in a file that a second run goes on with, and counted."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant_quantize.datasets.scenarios import Job
from edge_assistant_quantize.metrics.cross_signal import Reply, Result, counts


class Results:
    """The results of a run, kept in a file where one is named: each as soon as it is there.

    Args:
        path: the file; what it holds of the same run is not measured again.
        run: how the run answers (profile, gold, command), for results of different runs must not be mixed.

    Attributes:
        kept: how many results the file holds.

    Raises:
        UsageError: the file holds another run, or is no file of results.
        StorageFull: it cannot be written.
    """

    def __init__(self, path: Path | None, run: Mapping[str, Any]) -> None:
        self._run = dict(run)
        self._known: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._file: TextIO | None = None
        self.kept = 0
        if path is not None:
            self._read(path)
            self.kept = len(self._known)
            try:
                self._file = path.open("a", encoding="utf-8")
            except OSError as error:
                raise StorageFull(
                    f"{path.name} cannot be written ({error.strerror})", "name another file with --out"
                ) from None

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def find(self, job: Job, way: str) -> Result | None:
        """The result of an earlier run, judged by the scenario as it is now."""
        line = self._known.get((way, *job.key))
        if line is None:
            return None
        evidence = [{"id": signal, "signal": signal} for signal in line["cited"]]
        said = {"answer": line["answer"], "status": line["status"], "evidence": evidence, "citations": line["cited"]}
        if line.get("confidence") is not None:
            said["verdicts"] = [{"values": [{"confidence": line["confidence"]}]}]
        unbacked = line.get("ungrounded")
        reply = Reply(said, line["seconds"], line.get("error"), None if unbacked is None else tuple(unbacked))
        return Result.of(job, way, reply)

    def add(self, result: Result) -> None:
        """Keep a result."""
        if self._file is not None:
            self._file.write(json.dumps({**result.to_json(), "run": self._run}, ensure_ascii=False) + "\n")
            self._file.flush()
            self.kept += 1

    def _read(self, path: Path) -> None:
        try:
            text = path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{path.name} cannot be read ({error.strerror})", "name another file with --out") from None
        lines = text.splitlines()
        for line in lines:
            self._take(line, path.name)
        if text and not text.endswith("\n"):  # the last run was ended while it wrote
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def _take(self, line: str, name: str) -> None:
        try:
            found = json.loads(line)
            key = found["way"], found["id"], found["ask"]
            run, _ = found["run"], (found["status"], found["answer"], found["cited"], float(found["seconds"]))
        except (ValueError, KeyError, TypeError):
            return  # broken off, or not ours
        if run != self._run:
            differs = ", ".join(f"{k} {v}" for k, v in run.items() if v != self._run.get(k))
            raise UsageError(f"{name} holds results of another run ({differs})", "name another file with --out")
        self._known[key] = found


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """What the tables and `--json` show of the results of one way; shares are None where there is nothing to share."""
    taken = sorted(result.reply.seconds for result in results)
    checked = [result for result in results if result.reply.ungrounded is not None]
    return {
        **counts(results),
        "conflict": _conflict(results),
        "failed": sum(result.reply.error is not None for result in results),
        "ungrounded": sum(bool(result.reply.ungrounded) for result in checked) if checked else None,
        "seconds": {"median": statistics.median(taken), "p95": taken[math.ceil(0.95 * len(taken)) - 1]},
        "reliability": reliability(results),
        "by_domain": _groups(results, lambda result: result.job.scenario.domain),
        "by_type": _groups(results, lambda result: result.job.question.type),
    }


def reliability(results: Sequence[Result]) -> dict[str, Any]:
    """How often answers of each confidence are right, and the expected calibration error (Guo et al., 2017).

    Right is an answer with its status, whatever it cites. The error is the mean distance of confidence and share over
    ten bins, each with the weight of its answers; None where nothing was said with a confidence.
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for result in results:
        if result.confidence is not None:
            right = result.judged.status and result.judged.answer
            bins.setdefault(min(9, int(result.confidence * 10)), []).append((result.confidence, right))
    rows = [
        {
            "from": place / 10,
            "n": len(pairs),
            "right": sum(right for _, right in pairs),
            "confidence": statistics.mean(confidence for confidence, _ in pairs),
        }
        for place, pairs in sorted(bins.items())
    ]
    total = sum(row["n"] for row in rows)
    off = sum(abs(row["confidence"] * row["n"] - row["right"]) for row in rows)
    return {"bins": rows, "error": off / total if total else None}


def _groups(results: Sequence[Result], key: Callable[[Result], str]) -> dict[str, dict[str, int]]:
    names = sorted({key(result) for result in results})
    return {name: counts([result for result in results if key(result) == name]) for name in names}


def _conflict(results: Sequence[Result]) -> dict[str, Any]:
    """Of the contradictions that were said, how many there are; of those that there are, how many were said."""
    said = sum(result.said == "conflict" for result in results)
    there = sum(result.job.question.status == "conflict" for result in results)
    found = sum(result.said == "conflict" == result.job.question.status for result in results)
    return {
        "found": found,
        "said": said,
        "there": there,
        "precision": found / said if said else None,
        "recall": found / there if there else None,
    }
