"""The portfolio: catalog, profiles and store together, as the assistant and the command line use them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_assistant_models import entries, paths, profile, transfer
from edge_assistant_models.entries import Entry
from edge_assistant_models.errors import ModelError, ModelUnknown, PullFailed
from edge_assistant_models.machine import Machine
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.profile import Profile
from edge_assistant_models.schema import printable
from edge_assistant_models.store import FileCheck, ModelState, Store


class Portfolio:
    """What models there are, which of them are here, and which a profile takes.

    Attributes:
        store: where the models are.
        wrong: what is the matter with files of the user's own catalog, which are left out.
    """

    def __init__(
        self, root: Path | None = None, user_catalog: Path | None = None, machine: Machine | None = None
    ) -> None:
        """Read catalog and profiles.

        Args:
            root: the store; None for the user's own, see `paths.models_dir`.
            user_catalog: a folder of catalog files that add to the shipped ones; None for the user's own.
            machine: facts for the profile `auto`; None to look at this machine when they are needed.

        Raises:
            CatalogInvalid: a file that comes with the package breaks its schema.
        """
        self.store = Store(root or paths.models_dir())
        shipped, profiles = entries.load(), profile.load()
        own, self.wrong = entries.load_own(user_catalog or paths.user_catalog_dir(), shipped, profiles)
        self._entries = {**shipped, **own}
        self._profiles = profile.preferring(profiles, own.values())
        self._machine = machine

    def entries(self) -> tuple[Entry, ...]:
        """Every model in the catalog, by role and name."""
        return tuple(sorted(self._entries.values(), key=lambda entry: (entries.ROLES.index(entry.role), entry.name)))

    def profiles(self) -> tuple[Profile, ...]:
        """Every profile, in which the user's own models stand where their entries ask for it."""
        return tuple(self._profiles.values())

    def within(self, name: str) -> tuple[str, ...]:
        """The profiles that have a model, for people; `starter (first)` where its entry puts it before the others."""
        first = self.entry(name).profiles
        having = (other.name for other in self.profiles() if any(name in models for models in other.roles.values()))
        return tuple(f"{profile} (first)" if profile in first else profile for profile in having)

    def entry(self, name: str) -> Entry:
        """A model by name.

        Raises:
            ModelUnknown: there is none.
        """
        if name not in self._entries:
            raise ModelUnknown(f"there is no model '{printable(name)}'", _suggest(name, self._entries, "models list"))
        return self._entries[name]

    def profile(self, name: str) -> Profile:
        """A profile by name; `auto` is the one that fits this machine.

        Raises:
            ModelUnknown: there is none.
        """
        if name == profile.AUTO:
            facts = self._machine or Machine.detect()
            name = profile.choose(facts.memory_bytes, facts.cores, facts.accelerators)
        if name not in self._profiles:
            choices = ", ".join([profile.AUTO, *self._profiles])
            raise ModelUnknown(f"there is no profile '{printable(name)}'", f"choose one of {choices}")
        return self._profiles[name]

    def state(self, name: str) -> ModelState:
        """How a model stands in the store."""
        return self.store.state(self.entry(name))

    def resolve(self, name: str) -> dict[str, str]:
        """For each role of a profile the model to use: the first that is installed, else the first."""
        chosen = {}
        for role, names in self.profile(name).roles.items():
            installed = (model for model in names if self.state(model) is ModelState.INSTALLED)
            chosen[role] = next(installed, names[0])
        return chosen

    def open(self, name: str, *, always: bool = False) -> InstalledModel:
        """A model whose files have been verified.

        Args:
            name: of the model.
            always: whether to read every byte now, whatever is remembered.

        Raises:
            ModelUnknown: there is none of that name.
            ModelMissing: it is not in the store.
            ModelCorrupt: a file does not have its sum.
        """
        return self.store.open(self.entry(name), always=always)

    def export(self, names: Iterable[str], path: Path, watch: transfer.Watch = transfer.ignore) -> None:
        """Write models into one archive, see `bundle.export`."""
        from edge_assistant_models import bundle

        bundle.export(self.store, [self.entry(name) for name in names], path, watch)

    def load(self, path: Path, watch: transfer.Watch = transfer.ignore) -> tuple[str, ...]:
        """Bring an archive's models into the store, see `bundle.load`."""
        from edge_assistant_models import bundle

        return bundle.load(self.store, self._entries, path, watch)

    def verify(self, name: str) -> tuple[FileCheck, ...]:
        """Read every byte of a model.

        Raises:
            ModelMissing: it is not in the store.
        """
        return self.store.verify(self.entry(name))

    def pull(
        self, names: Iterable[str], watch: transfer.Watch = transfer.ignore, local_only: Iterable[str] = ()
    ) -> None:
        """Bring models into the store.

        Args:
            names: which.
            watch: told how it goes.
            local_only: names of models for which no network is asked.

        Raises:
            PullFailed: a model cannot be had; those after it have not been tried.
            StorageFull: the disk is full or cannot be written.
        """
        wanted = [self.entry(name) for name in names]
        with self.store.run(wanted, local_only) as run:
            for entry in wanted:
                self.store.pull(entry, run, watch)

    def pull_profile(
        self, name: str, watch: transfer.Watch = transfer.ignore, local_only: Iterable[str] = ()
    ) -> dict[str, str]:
        """Bring a profile's models into the store: of each role the first that can be had.

        Where one of a role's models is installed already, no better one is looked for. Roles on request are left out.

        Args:
            name: of the profile.
            watch: told how it goes.
            local_only: names of models for which no network is asked.

        Returns:
            The models by role; an optional role that nothing could fill is absent.

        Raises:
            PullFailed: a role that is not optional cannot be filled; all the others have been tried.
            StorageFull: the disk is full or cannot be written.
        """
        chosen: dict[str, str] = {}
        missing: list[ModelError] = []
        wanted = self.profile(name)
        roles = {role: names for role, names in wanted.roles.items() if role not in wanted.on_request}
        candidates = [self.entry(model) for models in roles.values() for model in models]
        with self.store.run(candidates, local_only) as run:
            for role, names in roles.items():
                for model in sorted(names, key=lambda model: self.state(model) is not ModelState.INSTALLED):
                    try:
                        self.store.pull(self.entry(model), run, watch)
                    except ModelError as error:
                        watch(transfer.Skipped(role, model, error.message))
                        failure = error
                    else:
                        chosen[role] = model
                        break
                else:
                    missing += [] if role in wanted.optional else [failure]
        if missing:
            empty = ", ".join(role for role in roles if role not in chosen and role not in wanted.optional)
            raise PullFailed(f"nothing could be had for {empty}: {missing[0].message}", missing[0].hint)
        return chosen


def _suggest(name: str, known: Iterable[str], verb: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean '{close[0]}'" if close else f"see 'edge-assistant {verb}'"
