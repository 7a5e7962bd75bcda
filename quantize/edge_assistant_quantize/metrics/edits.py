"""Edits between what is true and what was heard or read (Levenshtein 1966), by jiwer."""

from __future__ import annotations

from typing import Any

from edge_assistant_quantize.errors import ToolMissing


def library() -> Any:  # noqa: ANN401 - a module
    """jiwer; asked for before an hour of work, too.

    Raises:
        ToolMissing: it is not installed.
    """
    try:
        import jiwer
    except ImportError:
        hint = "install it: pip install 'edge-assistant-offline[quantize]'"
        raise ToolMissing("jiwer, which counts edits, is not installed", hint) from None
    return jiwer


def of_words(truth: str, heard: str) -> tuple[int, int]:
    """Words substituted, inserted and deleted, and the words of the truth.

    >>> of_words("the pressure is four bar", "a pressure is for a bar")
    (3, 5)
    >>> of_words("", "what was that"), of_words("the pressure", "")
    ((3, 0), (2, 2))
    """
    words = len(truth.split())  # jiwer refuses none before version 4
    return _changed(library().process_words(truth, heard)) if words else len(heard.split()), words


def of_characters(truth: str, read: str) -> tuple[int, int]:
    """Characters substituted, inserted and deleted, and the characters of the truth.

    >>> of_characters("TOTAL 12.40", "T0TAL 12.4"), of_characters("TOTAL", " ")
    ((2, 11), (5, 5))
    """
    signs = len(truth.strip())
    return _changed(library().process_characters(truth, read)) if signs else len(read.strip()), signs


def _changed(found: Any) -> int:  # noqa: ANN401 - of the library
    return int(found.substitutions + found.insertions + found.deletions)
