"""Writes docs/limits.md from the one table of limits; a test says when it has to be run.

python tools/limits_table.py
"""

from __future__ import annotations

from pathlib import Path

from edge_assistant.core import limits

FILE = Path(__file__).parent.parent / "docs" / "limits.md"
HEAD = """\
# Limits

What a person gives can meet these limits, which keep memory and time bounded. Beyond one there is an error, whose
code stands in `--json` and whose status in [contract.md](contract.md), or something is left out. A
[policy](policy.md) may set those with a check mark lower, in its table `[limits]`; nothing raises one.

Seconds of computing are processor time of all threads together: a busy machine, or a process that was stopped, takes
nothing of them. A signal that takes more, or makes the process grow by more, fails with one line and stands in
`failed`, and the others are answered; where an answer takes more than is due to all of its signals, the signal with
most to be read is left out in the same way. Where there is no signal to do without, it is the error of the question
(status 3). What looks after that (`edge_assistant/compute/scheduling/budget.py`) does so ten times a second and ends
our own code anywhere, but not a single call of a decoder or of a model's library: that is waited for.

Where not all of a signal is read (pages, hours, scenes, rows, evidence, or cells of a column of numbers that are none,
where the answer rests on that column), the last sentences of the answer say so, and that the rest may say otherwise;
"none of the signals tells that" stands for what was read only.

A question starts no process for itself. What computes are as many threads as there are cores, for each kind of signal
that is perceived at the same time ([scheduling.md](scheduling.md)). In the app there are its launcher, itself, one pull
and one run of espeak-ng at most.

This page is made from `edge_assistant/core/limits.py` by `tools/limits_table.py`. Limits of model files
stand in [supply-chain.md](supply-chain.md).

| limit | at most | of | beyond it | policy | why this much |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The page in Markdown."""
    rows = [
        f"| `{name}` | {limit.value:,} {limit.unit} | {limit.of} | {limit.beyond} | {'✓' if limit.lowers else ''} |"
        f" {limit.why} |"
        for name, limit in limits.table().items()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
