"""The words of the screens in another language, from gettext's .po files.

A .po is read as it is: a compiled .mo would be generated data to keep in step, and a library for this a dependency in
place of a few lines. Plurals and contexts are not in these files, and not read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts, as for gettext


def language(chosen: str | None, environment: Mapping[str, str] | None = None) -> str:
    """The ISO 639-1 code of the language of the screens: the chosen one, else the environment's.

    >>> language("de", {}), language(None, {"LANG": "de_AT.UTF-8"}), language(None, {"LANG": "C.UTF-8"})
    ('de', 'de', 'c')
    """
    environment = os.environ if environment is None else environment
    named = chosen or next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return re.split(r"[_.@-]", named)[0].lower()


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Translations by their English texts; none for a language without a file."""
    folder = resources.files("edge_assistant_tui") / "locale"
    file = next((file for file in folder.iterdir() if file.name == f"{language}.po"), None)
    return parsed(file.read_text("utf-8")) if file is not None else {}


def parsed(text: str) -> dict[str, str]:
    r"""Translations in the text of a .po file; fuzzy and empty ones are left out.

    Raises:
        ValueError: a string is not one.

    >>> parsed('msgid "on"\nmsgstr ""\n"an"')
    {'on': 'an'}
    """
    found = {}
    for entry in re.split(r"\n\s*\n", text):
        lines = entry.splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        strings, keyword = {"msgid": "", "msgstr": ""}, "msgid"
        for line in (line for line in lines if '"' in line and not line.startswith("#")):
            before, _, rest = line.partition('"')
            keyword = before.strip() or keyword
            strings[keyword] += json.loads(f'"{rest.rstrip()}')
        if strings["msgid"] and strings["msgstr"]:
            found[strings["msgid"]] = strings["msgstr"]
    return found
