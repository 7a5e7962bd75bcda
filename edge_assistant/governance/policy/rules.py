"""What a policy file may hold: tables of rules as types, from which the JSON schema is made.

What is left out of a file is allowed, and is as it is without a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, defstruct

from edge_assistant.core import limits
from edge_assistant.core.signals import Kind, Origin

Pattern = Annotated[str, Meta(min_length=1, max_length=200, description="a name; * stands for any characters")]
Hash = Annotated[str, Meta(pattern=r"^scrypt:\d{4,6}:[0-9a-f]{32}:[0-9a-f]{64}$", description="of 'policy pin'")]
Days = Annotated[int, Meta(ge=1, le=36_500)]
Folder = Annotated[str, Meta(pattern="^/", max_length=500, description="a whole path")]
Confidence = Annotated[float, Meta(gt=0, le=1)]
Action = Literal[
    "ask",
    "check",
    "attach",
    "camera",
    "microphone",
    "follow",
    "voice",
    "examples",
    "history",
    "export",
    "forget",
    "settings",
    "models",
    "doctor",
    "audit",
    "bench",
    "free talk",
    "quit",
]


class _Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a policy file."""


class Signals(_Table, frozen=True):
    """Which signals may be asked about; what a person says or types to the assistant is always heard."""

    kinds: Annotated[tuple[Kind, ...], Meta(description="kinds of signals that are taken")] = tuple(Kind)
    origins: Annotated[tuple[Origin, ...], Meta(description="where a signal may come from")] = tuple(Origin)


class ModelRules(_Table, frozen=True):
    """Which models may be used."""

    allowed: Annotated[tuple[Pattern, ...], Meta(description="names in the catalog")] = ("*",)
    own: Annotated[bool, Meta(description="whether those may be used that a user's own catalog describes")] = True
    verify: Annotated[
        Literal["cached", "always"],
        Meta(description="sum a file once and while it is unchanged, or each time that a model is opened"),
    ] = "cached"
    gpu: Annotated[bool, Meta(description="whether a graphics card may compute them")] = True


class Profiles(_Table, frozen=True):
    """Which profiles may be chosen."""

    allowed: Annotated[tuple[Pattern, ...], Meta(description="names; auto counts as the one it comes to")] = ("*",)


class DeviceRules(_Table, frozen=True):
    """Which devices may be used, by name; `file:PATH` is the name of a file that stands for one."""

    camera: Annotated[tuple[Pattern, ...], Meta(description="names of cameras; none where it is empty")] = ("*",)
    microphone: Annotated[tuple[Pattern, ...], Meta(description="names of microphones")] = ("*",)
    speaker: Annotated[tuple[Pattern, ...], Meta(description="names of speakers")] = ("*",)
    readings: Annotated[
        tuple[Pattern, ...], Meta(description="files that are followed, and ports: serial:/dev/ttyUSB0")
    ] = ("*",)


class Offline(_Table, frozen=True):
    """What may reach the network."""

    lock: Annotated[
        Literal["optional", "required"], Meta(description="whether anything may run without the offline lock")
    ] = "optional"
    pull: Annotated[bool, Meta(description="whether models may be pulled")] = True


class ExportRules(_Table, frozen=True):
    """How a conversation may be written into a file."""

    formats: Annotated[tuple[Literal["md", "json"], ...], Meta(description="none where it is empty")] = ("md", "json")
    unredacted: Annotated[bool, Meta(description="whether an export may hold what redaction takes out")] = True


class Answers(_Table, frozen=True):
    """What an answer may rest on."""

    free_talk: Annotated[
        bool, Meta(description="whether the setting free_talk counts: answers of the language model without sources")
    ] = True


class RedactionRules(_Table, frozen=True):
    """Where redaction is not left to whoever asks."""

    answers: Annotated[bool, Meta(description="'ask' and 'check' give redacted answers always")] = False


class Retention(_Table, frozen=True):
    """How long what is kept is kept; a person's own setting may be shorter, never longer."""

    history: Annotated[bool, Meta(description="whether conversations are kept at all")] = True
    history_days: Annotated[Days | None, Meta(description="days; none keeps all")] = None
    cache: Annotated[
        bool, Meta(description="whether what was perceived is kept sealed for the next run; only where history is")
    ] = True


class Approval(_Table, frozen=True):
    """When a human must confirm a value before an answer rests on it."""

    confirm_below: Annotated[
        Confidence | None, Meta(description="confidence under which a value is read back; none never asks")
    ] = None
    by: Annotated[Literal["anyone", "operator"], Meta(description="who may confirm; the operator by PIN")] = "anyone"


class RoleRules(_Table, frozen=True):
    """A visitor, who may do what is named, and an operator, who may do everything once unlocked by PIN."""

    pin: Annotated[Hash | None, Meta(description="of the operator; without one there are no roles")] = None
    visitor: Annotated[tuple[Action, ...], Meta(description="what a visitor may do")] = (
        "ask",
        "check",
        "camera",
        "microphone",
        "voice",
    )
    idle_minutes: Annotated[
        int, Meta(ge=1, le=1_440, description="after which the operator is locked out and the next visitor begins")
    ] = 5


if TYPE_CHECKING:
    Limits = Any
else:
    Limits = defstruct(
        "Limits",
        [
            (name, Annotated[int, Meta(ge=1, le=limit.value, description=f"{limit.unit} of {limit.of}")] | None, None)
            for name, limit in limits.table().items()
            if limit.lowers
        ],
        bases=(_Table,),
        namespace={"__doc__": "Limits lower than those that hold without a policy, see docs/limits.md."},
        kw_only=True,
        frozen=True,
        forbid_unknown_fields=True,
    )


class Serving(_Table, frozen=True):
    """What other programs may ask, by the gateway; without a policy nothing listens."""

    addresses: Annotated[
        tuple[Pattern, ...],
        Meta(description="on which 'edge-assistant serve' listens, such as 127.0.0.1; off if empty"),
    ] = ()
    folders: Annotated[
        tuple[Folder, ...],
        Meta(
            max_length=16,
            description="whose files, and those of their subfolders, clients may name in place of sending them",
        ),
    ] = ()
    wyoming_folder: Annotated[
        Folder | None,
        Meta(description="whose files, without those of subfolders, are the signals of every question by Wyoming"),
    ] = None


class PolicyRules(_Table, frozen=True):
    """A policy file."""

    signals: Signals = Signals()
    models: ModelRules = ModelRules()
    profiles: Profiles = Profiles()
    devices: DeviceRules = DeviceRules()
    offline: Offline = Offline()
    export: ExportRules = ExportRules()
    answers: Answers = Answers()
    redaction: RedactionRules = RedactionRules()
    retention: Retention = Retention()
    approval: Approval = Approval()
    roles: RoleRules = RoleRules()
    serve: Serving = Serving()
    limits: Limits = Limits()
