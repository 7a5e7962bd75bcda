"""What the person who publishes says, what a recipe said before, and what follows from the files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec.structs import asdict, replace

from edge_assistant.language import chat
from edge_assistant_models import toml
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.schema import printable
from edge_assistant_quantize import decoding
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.decoding import Line, Name, Positive, Url
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.publish import chat_family
from edge_assistant_quantize.publish.judgement import Judgement

Spdx = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*\Z")]
CONTEXT = 8192  # tokens; what the product asks of a model by itself is less
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
    whole = said
    for more in (_of_recipe(judged), _of_source(judged, portfolio), _of_files(candidate, judged)):
        whole = _filled(whole, more)
    _check(whole, candidate, portfolio)
    return whole


def _filled(said: EntryDescription, more: EntryDescription) -> EntryDescription:
    """What was not said is taken from elsewhere."""
    missing = [name for name in said.__struct_fields__ if getattr(said, name) in ("", None)]
    return replace(said, **{name: getattr(more, name) for name in missing})


def _recipe(judged: Judgement) -> Mapping[str, object]:
    try:
        return toml.parse(judged.record.recipe.encode() if judged.record else b"")
    except ValueError:  # a record that somebody wrote by hand
        return {}


def _table(values: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _of_recipe(judged: Judgement) -> EntryDescription:
    """The table `[publish]` of the recipe; nothing where it is not of the right kind."""
    try:
        return msgspec.convert(_table(_recipe(judged), "publish"), EntryDescription)
    except msgspec.ValidationError:
        return EntryDescription()


def _of_source(judged: Judgement, portfolio: Portfolio) -> EntryDescription:
    """Licence and home of a model of the catalog that a recipe started from: its weights are that model's."""
    model = _table(_recipe(judged), "source").get("model")
    known = {entry.name: entry for entry in portfolio.entries()}
    if not isinstance(model, str) or model not in known:
        return EntryDescription()
    entry = known[model]
    return EntryDescription(licence=entry.licence, licence_url=entry.licence_url, home=entry.home)


def _of_files(candidate: Candidate, judged: Judgement) -> EntryDescription:
    family, context = _chat(candidate)
    form = judged.form
    made = f", {form.method}" if form is not None and form.method else ""
    peak = form.peak_mib if form is not None else None
    return EntryDescription(
        name=candidate.name,
        description=f"{candidate.name}{made}, published by edge-quantize",
        family=family,
        context=context,
        memory_mib=math.ceil(peak) if peak else estimated_memory(candidate.bytes),
    )


def _chat(candidate: Candidate) -> tuple[str, int]:
    """Chat family and context: as a GGUF file says it, else as the candidate does."""
    said, trained = "", None
    if candidate.role == "language":
        gguf = next((path for path in candidate.paths.values() if path.suffix == ".gguf"), None)
        said, trained = chat_family.of_gguf(gguf) if gguf else ("", None)
    family, context = candidate.options.get("family"), candidate.options.get("context")
    known = context if isinstance(context, int) else min(trained or CONTEXT, CONTEXT)
    return said or (family if isinstance(family, str) else ""), known


def estimated_memory(size: int) -> int:
    """MiB that a model needs where nobody has measured it: its files and half of that again, and some for the program.

    >>> estimated_memory(100 << 20)
    250
    """
    return math.ceil(size * 1.5 / (1 << 20)) + 100


def _check(said: EntryDescription, candidate: Candidate, portfolio: Portfolio) -> None:
    missing = [option for key, option in _NEEDED.items() if not getattr(said, key)]
    if missing:
        what = f"nothing says {', '.join(missing)} of {printable(said.name)}"
        raise UsageError(what, "a model is published with its licence and its home, so say them")
    try:
        decoding.convert({key: value for key, value in asdict(said).items() if value}, EntryDescription)
    except ValueError as error:
        hint = "correct the option, or [publish] of the recipe"
        raise UsageError(f"the entry would not be valid: {error}", hint) from None
    if candidate.role == "language" and said.family not in chat.TEMPLATES:
        known = ", ".join(chat.TEMPLATES)
        raise UsageError(f"the chat family '{printable(said.family)}' is not known", f"say one of {known}: --family")
    for name in said.profiles or ():
        if name not in {profile.name for profile in portfolio.profiles()}:
            there = ", ".join(profile.name for profile in portfolio.profiles())
            raise UsageError(f"there is no profile '{printable(name)}'", f"say one of {there}, or --profile none")
