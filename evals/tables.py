"""What `bench cross-signal` shows: what went wrong, tables, and its progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from edge_assistant_quantize.metrics.cross_signal import EVERYTHING, Result

_PARTS = ("status", "answer", "cites", "correct")
_NAME, _CELL, _WAY = 28, 9, 20  # characters of columns
_MAX_SAID = 300  # characters of a wrong answer that are shown


def progress(result: Result, number: int, of: int, correct: int, left_s: float, stream: TextIO) -> None:
    """One line: how it went, the score so far, the time that is left."""
    mark = "ok" if result.judged.correct else f"wrong {_wrong_parts(result)}"
    minutes, seconds = divmod(round(left_s), 60)
    head = f"[{number}/{of}] {result.way}: {correct} right, {minutes}:{seconds:02d} left"
    print(f"{head}; {mark}: {result.job.scenario.id}: {result.job.question.ask}", file=stream, flush=True)


def show(summary: Mapping[str, Any], results: Sequence[Result]) -> None:
    """Print what is wrong, then the tables, so that the figures stand at the end."""
    _show_wrong([result for result in results if not result.judged.correct])
    _show_ungrounded(results)
    figures = summary[EVERYTHING]
    for title, key in (("by domain", "by_domain"), ("by type", "by_type")):
        print(f"{title:{_NAME}}{'n':>5}" + "".join(f"{part:>{_CELL}}" for part in _PARTS))
        for name, counts in figures[key].items():
            shares = "".join(f"{_percent(counts[part], counts['n']):>{_CELL}}" for part in _PARTS)
            print(f"{name:{_NAME}}{counts['n']:>5}{shares}")
        print()
    _show_reliability(figures["reliability"])
    if summary["side_by_side"] is not None:
        _show_side_by_side(summary["side_by_side"], summary["seed"])
    _show_total(summary, figures)


def _show_wrong(wrong: Sequence[Result]) -> None:
    if wrong:
        print("wrong:")
    for result in wrong:
        question, said = result.job.question, result.reply.said
        print(f"  {result.job.scenario.id}: {question.ask} ({question.type}; wrong {_wrong_parts(result)})")
        print(f"    wanted: {question.status}, {_listed(question.answer)}, of {_listed(question.cites)}")
        if result.reply.error is not None:
            print(f"    failed: {result.reply.error}")
        else:
            text = " ".join(str(said.get("answer")).split())[:_MAX_SAID]
            print(f"    got:    {result.said}, {text!r}, of {_listed(result.to_json()['cited'])}")
    if wrong:
        print()


def _show_ungrounded(results: Sequence[Result]) -> None:
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
    print(f"seconds a question: median {seconds['median']:.2f}, p95 {seconds['p95']:.2f}; {_measured(summary)}")


def _measured(summary: Mapping[str, Any]) -> str:
    """What the seconds hold."""
    if summary["command"]:
        return "cold, the whole command"
    if summary["gold"]:
        return f"profile {summary['profile']}, warm models, gold evidence: only what it lacks is perceived"
    return f"profile {summary['profile']}, warm models, perception included in each"


def _wrong_parts(result: Result) -> str:
    return ", ".join(part for part in _PARTS[:-1] if not getattr(result.judged, part))


def _listed(items: Sequence[str]) -> str:
    return " + ".join(items) or "nothing"


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _or_not_checked(count: int | None) -> str:
    return "not checked" if count is None else str(count)
