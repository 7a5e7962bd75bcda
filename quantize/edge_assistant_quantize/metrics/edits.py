"""Edits between what is true and what was heard or read (Levenshtein 1966), by jiwer."""

from __future__ import annotations

from typing import Any

from edge_assistant_quantize.errors import ToolMissing


def of_words(truth: str, heard: str) -> tuple[int, int]:
    """Words substituted, inserted and deleted, and the words of the truth.

    >>> of_words("the pressure is four bar", "a pressure is for a bar")
    (3, 5)
    >>> of_words("", "what was that"), of_words("the pressure", "")
    ((3, 0), (2, 2))
    """
    check()
    import jiwer

    words = len(truth.split())  # jiwer refuses none before version 4
    return _changed(jiwer.process_words(truth, heard)) if words else len(heard.split()), words


def of_characters(truth: str, read: str) -> tuple[int, int]:
    """Characters substituted, inserted and deleted, and the characters of the truth.

    >>> of_characters("TOTAL 12.40", "T0TAL 12.4"), of_characters("TOTAL", " ")
    ((2, 11), (5, 5))
    """
    check()
    import jiwer

    signs = len(truth.strip())
    return _changed(jiwer.process_characters(truth, read)) if signs else len(read.strip()), signs


def _changed(found: Any) -> int:  # noqa: ANN401 - of the library
    return int(found.substitutions + found.insertions + found.deletions)


def check() -> None:
    """Say that jiwer is there, before an hour of work.

    Raises:
        ToolMissing: it is not.
    """
    try:
        import jiwer  # noqa: F401 - only whether it is there
    except ImportError:
        hint = "install it: pip install 'edge-assistant-offline[quantize]'"
        raise ToolMissing("jiwer, which counts edits, is not installed", hint) from None
