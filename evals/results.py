"""Results of a bench over scenarios: judged, kept in a file that a second run goes on with, and counted."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from edge_assistant.core.errors import StorageFull, UsageError
from evals.scenarios import Job
from evals.scoring import Judged, cited, judge
from evals.ways import Reply


@dataclass(frozen=True, slots=True)
class Result:
    """A reply to one question, judged.

    Attributes:
        job: the question.
        way: the name of the way that answered.
        reply: what came of it.
        judged: which parts are right.
    """

    job: Job
    way: str
    reply: Reply
    judged: Judged

    @classmethod
    def of(cls, job: Job, way: str, reply: Reply) -> Result:
        """A reply, judged; its seconds to a millisecond, as they are kept."""
        return cls(job, way, replace(reply, seconds=round(reply.seconds, 3)), judge(job.question, reply.said))

    @property
    def said(self) -> str:
        """The status that was said; empty where there was no answer."""
        return str(self.reply.said.get("status") or "")

    @property
    def confidence(self) -> float | None:
        """That of the least sure value that the answer says; None where it says none."""
        verdicts = self.reply.said.get("verdicts") or ()
        return min((told["confidence"] for verdict in verdicts for told in verdict["values"]), default=None)

    def to_json(self) -> dict[str, Any]:
        """One line of the file of results."""
        question, said = self.job.question, self.reply.said
        return {
            "way": self.way,
            "id": self.job.scenario.id,
            "domain": self.job.scenario.domain,
            "type": question.type,
            "ask": question.ask,
            "gold_status": question.status,
            "gold_answer": list(question.answer),
            "gold_cites": list(question.cites),
            "status": said.get("status"),
            "answer": said.get("answer"),
            "confidence": self.confidence,
            "cited": sorted(cited(said)),
            "status_ok": self.judged.status,
            "answer_ok": self.judged.answer,
            "cites_ok": self.judged.cites,
            "correct": self.judged.correct,
            "seconds": self.reply.seconds,
            "error": self.reply.error,
            "ungrounded": None if self.reply.ungrounded is None else list(self.reply.ungrounded),
        }


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


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many there are, and how many are right in what."""
    return {
        "n": len(results),
        "status": sum(result.judged.status for result in results),
        "answer": sum(result.judged.answer for result in results),
        "cites": sum(result.judged.cites for result in results),
        "correct": sum(result.judged.correct for result in results),
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
