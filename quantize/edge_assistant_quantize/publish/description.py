"""The entry of the catalog: what the person who publishes says, a recipe said before, and follows from the files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated

import msgspec
from msgspec.structs import asdict

from edge_assistant.language import chat
from edge_assistant_models import toml
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import decoding
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.decoding import Line, Name, Positive, Url
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.publish.judgement import Judgement
from edge_assistant_quantize.publish.places import FOLDER

Spdx = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*\Z")]
CONTEXT = 8192  # tokens; what the product asks of a model by itself is less
_HEAD = """# Published by edge-quantize, and taken away by 'edge-quantize unpublish {name}'.
# {folder}/{name} in the data directory holds the files, the card and what was measured.
"""
_APART = ("family", "context")  # options that are keys of their own in a catalog file
_NEEDED = {"licence": "--licence", "licence_url": "--licence-url", "home": "--home"}


class EntryDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry says besides what is measured, by the keys of a recipe's `[publish]`; what is empty is not said.

    Attributes:
        name: of the entry.
        licence: SPDX identifier.
        licence_url: where it stands.
        home: the official page of the model.
        description: one line.
        data_licence: of the data that it was measured on, for the card.
        family: chat template of a language model.
        context: of a language model, in tokens.
        memory_mib: that it needs to run.
        profiles: in which it comes first for its role; None where nothing is said of it, which is none.
    """

    name: Name = ""
    licence: Spdx = ""
    licence_url: Url = ""
    home: Url = ""
    description: Line = ""
    data_licence: Line = ""
    family: Line = ""
    context: Positive | None = None
    memory_mib: Positive | None = None
    profiles: tuple[Name, ...] | None = None

    def told(self) -> dict[str, object]:
        """What is said, by key."""
        return {key: value for key, value in asdict(self).items() if value not in ("", None)}


class _Recipe(msgspec.Struct):
    """What of a recipe's text is said again."""

    source: dict[str, object] = {}
    publish: EntryDescription = EntryDescription()


def completed(
    said: EntryDescription, candidate: Candidate, judged: Judgement, portfolio: Portfolio
) -> EntryDescription:
    """What was said, then what the recipe says, then what the catalog says of the model that it was made from.

    Args:
        said: by the person.
        candidate: the model.
        judged: what was measured of it.
        portfolio: the catalog.

    Raises:
        UsageError: something is missing or wrong; the message names the option.
    """
    try:
        recipe = decoding.convert(toml.parse(judged.record.recipe.encode()), _Recipe)
    except ValueError:  # a record that somebody wrote by hand
        recipe = _Recipe()
    values = _of_files(candidate, judged)
    for entry in portfolio.entries():  # the weights are those of a model of the catalog that it started from
        if entry.name == recipe.source.get("model"):
            values |= {key: getattr(entry, key) for key in _NEEDED}
    values |= recipe.publish.told() | said.told()
    if missing := [option for key, option in _NEEDED.items() if not values.get(key)]:
        what = f"nothing says {', '.join(missing)} of {values['name']}"
        raise UsageError(what, "a model is published with its licence and its home, so say them")
    try:
        whole = decoding.convert({key: value for key, value in values.items() if value}, EntryDescription)
    except ValueError as error:
        hint = "correct the option, or [publish] of the recipe"
        raise UsageError(f"the entry would not be valid: {error}", hint) from None
    if candidate.role == "language" and whole.family not in chat.TEMPLATES:
        known = ", ".join(chat.TEMPLATES)
        raise UsageError(f"the chat family '{whole.family}' is not known", f"say one of {known}: --family")
    there = [profile.name for profile in portfolio.profiles()]
    if other := next((name for name in whole.profiles or () if name not in there), None):
        hint = f"say one of {', '.join(there)}, or --profile none"
        raise UsageError(f"there is no profile '{other}'", hint)
    return whole


def _of_files(candidate: Candidate, judged: Judgement) -> dict[str, object]:
    family, context = _chat(candidate)
    named, peak = filter(None, (candidate.name, judged.form.method)), judged.form.peak_mib
    return {
        "name": candidate.name,
        "description": f"{', '.join(named)}, published by edge-quantize",
        "family": family,
        "context": context,
        "memory_mib": math.ceil(peak) if peak else estimated_memory(candidate.bytes),
    }


def _chat(candidate: Candidate) -> tuple[str, int]:
    """Chat family and context: as a GGUF file says it, else as the candidate does."""
    from edge_assistant_quantize.gguf import header

    said, most = "", CONTEXT
    for path in candidate.paths.values():
        if candidate.role == "language" and path.suffix == ".gguf":
            values = header.read(path).values
            said = family(str(values.get("tokenizer.chat_template", "")))
            trained = values.get(f"{values.get('general.architecture')}.context_length")
            most = min(trained, most) if isinstance(trained, int) else most
    named, context = candidate.options.get("family", ""), candidate.options.get("context")
    return said or str(named), context if isinstance(context, int) else most


def family(template: str) -> str:
    """The family whose mark opens the turns of a chat template, which is read and not run; empty for no known one.

    >>> family("{% for m in messages %}{{ '<|im_start|>' + m['role'] }}{% endfor %}"), family("[INST]")
    ('chatml', '')
    """
    marks = {name: known.turn.partition("{role}")[0] for name, known in chat.TEMPLATES.items()}
    found = [name for name, mark in marks.items() if mark in template]
    return found[0] if len(found) == 1 else ""


def estimated_memory(size: int) -> int:
    """MiB that a model needs where nobody has measured it: its files and half of that again, and some for the program.

    >>> estimated_memory(100 << 20)
    250
    """
    return math.ceil(size * 1.5 / (1 << 20)) + 100


def text(candidate: Candidate, sums: Mapping[str, str], said: EntryDescription, figures: Mapping[str, object]) -> str:
    """A catalog file; a lone file is called after its model there, others as they are.

    Args:
        candidate: the model.
        sums: the sha256 of each file by key.
        said: what the entry says.
        figures: what was measured.
    """
    import tomlkit

    lone = len(candidate.files) == 1
    facts: dict[str, object] = {
        "name": said.name,
        "role": candidate.role,
        "licence": said.licence,
        "licence_url": said.licence_url,
        "home": said.home,
        "description": said.description,
        "memory_mib": said.memory_mib,
        "tested": figures.get("accepted") is True,
        "profiles": list(said.profiles or ()),
        **({"family": said.family, "context": said.context} if candidate.role == "language" else {}),
        "files": [
            {
                "key": key,
                "path": f"{said.name}{PurePath(path).suffix.lower()}" if lone else path.name,
                "bytes": path.stat().st_size,
                "sha256": sums[key],
            }
            for key, path in candidate.paths.items()
        ],
        "sources": [{"type": "file", "path": f"{FOLDER}/{said.name}"}],
        "figures": dict(figures),
        "options": {key: value for key, value in candidate.options.items() if key not in _APART},
    }
    told = {key: value for key, value in facts.items() if value not in ([], {})}
    return _HEAD.format(folder=FOLDER, name=said.name) + tomlkit.dumps(told)
