"""Results of a bench over scenarios: judged, kept in a file that a second run goes on with, and counted."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant_quantize.datasets.scenarios import ScenarioJob
from edge_assistant_quantize.metrics.scoring import AnswerScore, cited, judge

EVERYTHING = "everything"  # the way of answering that is the product


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question."""

    said: Mapping[str, Any] = field(default_factory=dict)  # as `ask --json` prints it; empty where it failed
    seconds: float = 0.0  # from the question to the whole answer, perception included
    error: str | None = None  # why it failed, or None
    # What the answer says and its evidence does not; None where that cannot be checked
    ungrounded: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A reply to one question, judged."""

    job: ScenarioJob  # the question
    way: str  # the name of the way that answered
    reply: Reply  # what came of it
    judged: AnswerScore  # which parts are right

    @classmethod
    def of(cls, job: ScenarioJob, way: str, reply: Reply) -> ScenarioResult:
        """A reply, judged; its seconds to a millisecond, as they are kept."""
        return cls(job, way, replace(reply, seconds=round(reply.seconds, 3)), judge(job.question, reply.said))

    @property
    def said(self) -> str:
        """The status that was said; empty where there was no answer."""
        return str(self.reply.said.get("status") or "")


def counts(results: Sequence[ScenarioResult]) -> dict[str, int]:
    """How many there are, and how many are right in what."""
    parts = ("status", "answer", "cites", "correct")
    return {"n": len(results)} | {part: sum(getattr(each.judged, part) for each in results) for part in parts}


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

    def find(self, job: ScenarioJob, way: str) -> ScenarioResult | None:
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
        return ScenarioResult.of(job, way, reply)

    def add(self, result: ScenarioResult) -> None:
        """Keep a result."""
        if self._file is not None:
            self._file.write(json.dumps({**to_json(result), "run": self._run}, ensure_ascii=False) + "\n")
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


def figures(results: Sequence[ScenarioResult]) -> dict[str, Any]:
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


def confidence(result: ScenarioResult) -> float | None:
    """That of the least sure value that the answer says; None where it says none."""
    verdicts = result.reply.said.get("verdicts") or ()
    return min((told["confidence"] for verdict in verdicts for told in verdict["values"]), default=None)


def to_json(result: ScenarioResult) -> dict[str, Any]:
    """One line of the file of results."""
    question, said = result.job.question, result.reply.said
    return {
        "way": result.way,
        "id": result.job.scenario.id,
        "domain": result.job.scenario.domain,
        "type": question.type,
        "ask": question.ask,
        "gold_status": question.status,
        "gold_answer": list(question.answer),
        "gold_cites": list(question.cites),
        "status": said.get("status"),
        "answer": said.get("answer"),
        "confidence": confidence(result),
        "cited": sorted(cited(said)),
        "status_ok": result.judged.status,
        "answer_ok": result.judged.answer,
        "cites_ok": result.judged.cites,
        "correct": result.judged.correct,
        "seconds": result.reply.seconds,
        "error": result.reply.error,
        "ungrounded": None if result.reply.ungrounded is None else list(result.reply.ungrounded),
    }


def reliability(results: Sequence[ScenarioResult]) -> dict[str, Any]:
    """How often answers of each confidence are right, and the expected calibration error (Guo et al., 2017).

    Right is an answer with its status, whatever it cites. The error is the mean distance of confidence and share over
    ten bins, each with the weight of its answers; None where nothing was said with a confidence.
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for result in results:
        if (sure := confidence(result)) is not None:
            right = result.judged.status and result.judged.answer
            bins.setdefault(min(9, int(sure * 10)), []).append((sure, right))
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


def _groups(results: Sequence[ScenarioResult], key: Callable[[ScenarioResult], str]) -> dict[str, dict[str, int]]:
    names = sorted({key(result) for result in results})
    return {name: counts([result for result in results if key(result) == name]) for name in names}


def _conflict(results: Sequence[ScenarioResult]) -> dict[str, Any]:
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


_PARTS = ("status", "answer", "cites", "correct")
_NAME, _CELL, _WAY = 28, 9, 20  # characters of columns
_MAX_SAID = 300  # characters of a wrong answer that are shown


def progress(result: ScenarioResult, number: int, of: int, correct: int, left_s: float, stream: TextIO) -> None:
    """One line: how it went, the score so far, the time that is left."""
    mark = "ok" if result.judged.correct else f"wrong {_wrong_parts(result)}"
    minutes, seconds = divmod(round(left_s), 60)
    head = f"[{number}/{of}] {result.way}: {correct} right, {minutes}:{seconds:02d} left"
    print(f"{head}; {mark}: {result.job.scenario.id}: {result.job.question.ask}", file=stream, flush=True)


def show(summary: Mapping[str, Any], results: Sequence[ScenarioResult]) -> None:
    """Print what is wrong, then the tables, so that the figures stand at the end."""
    _show_wrong([result for result in results if not result.judged.correct])
    _show_ungrounded(results)
    figures = summary[EVERYTHING]
    for title, key in (("by domain", "by_domain"), ("by type", "by_type")):
        print(f"{title:{_NAME}}{'n':>5}" + "".join(f"{part:>{_CELL}}" for part in _PARTS))
        for name, row in figures[key].items():
            shares = "".join(f"{_percent(row[part], row['n']):>{_CELL}}" for part in _PARTS)
            print(f"{name:{_NAME}}{row['n']:>5}{shares}")
        print()
    _show_reliability(figures["reliability"])
    if summary["side_by_side"] is not None:
        _show_side_by_side(summary["side_by_side"], summary["seed"])
    _show_total(summary, figures)


def _show_wrong(wrong: Sequence[ScenarioResult]) -> None:
    if wrong:
        print("wrong:")
    for result in wrong:
        question, said = result.job.question, result.reply.said
        print(f"  {result.job.scenario.id}: {question.ask} ({question.type}; wrong {_wrong_parts(result)})")
        print(f"    wanted: {question.status}, {_enumerate(question.answer)}, of {_enumerate(question.cites)}")
        if result.reply.error is not None:
            print(f"    failed: {result.reply.error}")
        else:
            text = " ".join(str(said.get("answer")).split())[:_MAX_SAID]
            print(f"    got:    {result.said}, {text!r}, of {_enumerate(to_json(result)['cited'])}")
    if wrong:
        print()


def _show_ungrounded(results: Sequence[ScenarioResult]) -> None:
    found = [result for result in results if result.reply.ungrounded]
    if found:
        print("ungrounded, said without evidence or formula that holds it:")
    for result in found:
        print(f"  {result.job.scenario.id}: {result.job.question.ask}")
        print(f"    {', '.join(result.reply.ungrounded or ())} in {result.reply.said.get('answer')!r}")
    if found:
        print()


def _show_reliability(found: Mapping[str, Any]) -> None:
    if found["error"] is None:
        return
    print(f"{'by confidence':{_NAME}}{'n':>5}{'said':>{_CELL}}{'right':>{_CELL}}")
    for row in found["bins"]:
        name = f"{row['from']:.1f} to {row['from'] + 0.1:.1f}"
        print(f"{name:{_NAME}}{row['n']:>5}{row['confidence']:>{_CELL}.2f}{row['right'] / row['n']:>{_CELL}.2f}")
    print(f"{'expected calibration error':{_NAME}}{found['error']:>5.2f}")
    print()


def _show_side_by_side(ways: Mapping[str, Mapping[str, Any]], seed: int) -> None:
    n = next(iter(ways.values()))["n"]
    print(f"{f'same {n} questions (seed {seed})':{_NAME}}" + "".join(f"{way:>{_WAY}}" for way in ways))
    for part in ("correct", "status", "answer", "cites"):
        _row(part, [f"{way[part]} = {_percent(way[part], n)}" for way in ways.values()])
    for part in ("precision", "recall"):
        _row(f"conflict {part}", [_share(way["conflict"][part]) for way in ways.values()])
    _row("failed", [str(way["failed"]) for way in ways.values()])
    for part in ("median", "p95"):
        _row(f"seconds, {part}", [f"{way['seconds'][part]:.2f}" for way in ways.values()])
    print()


def _row(name: str, cells: Sequence[str]) -> None:
    print(f"{name:{_NAME}}" + "".join(f"{cell:>{_WAY}}" for cell in cells))


def _show_total(summary: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    n, conflict, seconds = figures["n"], figures["conflict"], figures["seconds"]
    print(
        f"conflict: precision {_share(conflict['precision'])} ({conflict['found']} of {conflict['said']} said), "
        f"recall {_share(conflict['recall'])} ({conflict['found']} of {conflict['there']})"
    )
    shares = ", ".join(f"{part} {_percent(figures[part], n)}" for part in _PARTS[:-1])
    print(
        f"total: {figures['correct']} of {n} correct = {_percent(figures['correct'], n)}; {shares}; "
        f"failed {figures['failed']}; ungrounded {_or_not_checked(figures['ungrounded'])}"
    )
    print(f"seconds a question: median {seconds['median']:.2f}, p95 {seconds['p95']:.2f}; {_conditions(summary)}")


def _conditions(summary: Mapping[str, Any]) -> str:
    """What the seconds hold."""
    if summary["command"]:
        return "cold, the whole command"
    if summary["gold"]:
        return f"profile {summary['profile']}, warm models, gold evidence: only what it lacks is perceived"
    return f"profile {summary['profile']}, warm models, perception included in each"


def _wrong_parts(result: ScenarioResult) -> str:
    return ", ".join(part for part in _PARTS[:-1] if not getattr(result.judged, part))


def _enumerate(items: Sequence[str]) -> str:
    return " + ".join(items) or "nothing"


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _or_not_checked(count: int | None) -> str:
    return "not checked" if count is None else str(count)
