"""Profiles: for each role the models that may fill it, best first; and which profile fits a machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources

from edge_assistant_models.entries import ROLES, Entry
from edge_assistant_models.schema import NAME, TomlTable

AUTO = "auto"
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of models.

    Attributes:
        name: unique.
        description: one line.
        roles: names in order of preference, by role.
        optional: roles that the product works without.
        on_request: optional roles whose models are pulled by their own names only, not with the profile.
    """

    name: str
    description: str
    roles: Mapping[str, tuple[str, ...]]
    optional: frozenset[str]
    on_request: frozenset[str] = frozenset()


def parse(content: bytes, origin: str) -> Profile:
    """Read one profile file.

    Raises:
        CatalogInvalid: it breaks the schema.
    """
    table = TomlTable.parse(content, origin)
    roles = table.table("roles")
    profile = Profile(
        table.text("name", NAME),
        table.text("description"),
        {role: roles.texts(role, NAME) for role in roles.remaining()},
        frozenset(table.texts("optional", required=False)),
        frozenset(table.texts("on_request", required=False)),
    )
    table.end()
    unknown = (set(profile.roles) | profile.optional) - set(ROLES)
    if unknown:
        raise table.invalid(f"unknown role '{min(unknown)}' (there are {', '.join(ROLES)})")
    if not profile.optional <= set(profile.roles):
        raise table.invalid("'optional' names a role that the profile does not have")
    if not profile.on_request <= profile.optional:
        raise table.invalid("'on_request' names a role that is not optional")
    if not all(profile.roles.values()):
        raise table.invalid("a role names no model")
    return profile


def load() -> dict[str, Profile]:
    """Every profile that comes with the package, by name.

    Raises:
        CatalogInvalid: a file breaks the schema.
    """
    folder = resources.files("edge_assistant_models") / "profiles"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    profiles = [parse(file.read_bytes(), file.name) for file in files]
    return {profile.name: profile for profile in profiles}


def preferring(profiles: Mapping[str, Profile], entries: Iterable[Entry]) -> dict[str, Profile]:
    """Profiles in which the entries that ask for it come first, by name; a role that a profile lacks is optional in it.

    Args:
        profiles: all, by name.
        entries: whose profiles are all there.
    """
    changed = dict(profiles)
    for entry in sorted(entries, key=lambda entry: entry.name, reverse=True):
        for name in entry.profiles:
            old = changed[name]
            roles = {**old.roles, entry.role: (entry.name, *old.roles.get(entry.role, ()))}
            optional = old.optional if entry.role in old.roles else old.optional | {entry.role}
            changed[name] = replace(old, roles=roles, optional=optional)
    return changed


def choose(memory_bytes: int, cores: int, accelerators: Collection[str] = ()) -> str:
    """Which profile fits a machine.

    A model decodes at the speed at which memory is read, so size goes with memory bandwidth: cores and accelerators
    stand for it.

    Args:
        memory_bytes: memory that the process may use.
        cores: cores that it may use.
        accelerators: what else computes, such as `cuda`, `rocm` or `metal`.

    >>> choose(2 << 30, 4), choose(24 << 30, 2), choose(16 << 30, 8), choose(64 << 30, 16, ["cuda"])
    ('tiny', 'starter', 'standard', 'large')
    """
    if memory_bytes < 3.5 * _GIB:
        return "tiny"
    if memory_bytes >= 24 * _GIB and (cores >= 12 or accelerators):
        return "large"
    if memory_bytes >= 12 * _GIB and (cores >= 6 or accelerators):
        return "standard"
    return "starter"
