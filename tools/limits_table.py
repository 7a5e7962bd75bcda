"""Writes docs/limits.md and docs/limits-fixed.md from the one table of limits; a test says when it has to be run.

python tools/limits_table.py
"""

from __future__ import annotations

from pathlib import Path

from edge_assistant.core import limits

FILE = Path(__file__).parent.parent / "docs" / "limits.md"
FIXED_FILE = FILE.with_name("limits-fixed.md")
HEAD = """\
# Limits

Limits on input bound memory and computing time. Input over a limit causes an error, with its code in `--json` and its
exit status in [contract.md](contract.md), or a part of it is left out.

A [policy](policy.md) can lower each limit of this page in its table `[limits]`; nothing can raise one.
[limits-fixed.md](limits-fixed.md) lists the limits that no policy changes, [supply-chain.md](supply-chain.md) those of
model files, [api.md](api.md), [mcp.md](mcp.md) and [home-assistant.md](home-assistant.md) those of requests by
other programs.

| limit | at most | of | beyond it | why this much |
| --- | --- | --- | --- | --- |
"""
TAIL = """
## Computing time and memory

Seconds of computing are CPU time of all threads together. A busy machine or a stopped process does not use them up.

| over the limit | result |
| --- | --- |
| a signal, by CPU time or memory growth | one error line; it is listed in `failed`, the answer uses the others |
| an answer, over the CPU time of all its signals | the signal with most left to read is left out in the same way |
| no other signal is left | the question fails with this error (status 3) |

`edge_assistant/compute/scheduling/budget.py` checks ten times a second. It interrupts the product's own code anywhere,
and kills [decoders](decoders.md) in the middle of a call, but does not interrupt a single call of a model's library.

## Partial reading

If a signal was read in part, the last sentences of the answer say so, and that the rest may say otherwise. This covers
pages, hours, scenes, rows, evidence, and non-numeric cells in a column of numbers that the answer uses. "None of the
sources answers this" then refers to the part that was read.

## Processes and threads

A question starts a process for each kind of decoder that it needs, and uses it again ([decoders.md](decoders.md)). Each
kind of signal in parallel perception uses as many threads as there are cores ([scheduling.md](scheduling.md)). The app
consists of its launcher, itself, decoders, at most one pull and at most one run of espeak-ng.

`tools/limits_table.py` generates both pages from `edge_assistant/core/limits.py`.
"""
FIXED_HEAD = """\
# Fixed limits

No policy and no setting changes these limits. [limits.md](limits.md) has the others and explains what happens beyond a
limit.

| limit | at most | of | beyond it | why this much |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The page of the limits that a policy can lower, in Markdown."""
    return HEAD + _rows(lowers=True) + TAIL


def fixed_page() -> str:
    """The page of the other limits, in Markdown."""
    return FIXED_HEAD + _rows(lowers=False)


def _rows(*, lowers: bool) -> str:
    return "".join(
        f"| `{name}` | {limit.value:,} {limit.unit} | {limit.of} | {limit.beyond} | {limit.why} |\n"
        for name, limit in limits.table().items()
        if limit.lowers is lowers
    )


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    FIXED_FILE.write_text(fixed_page(), encoding="utf-8")
