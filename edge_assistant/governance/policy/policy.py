"""What is allowed: the rules of the policy that holds, asked one by one by whatever is about to do something.

A policy of the administrator lies at a place that no variable of the environment moves, and then alone counts; else
the one in the user's config folder does, where there is one. Without either everything is allowed but the gateway.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.errors import PolicyRefused
from edge_assistant.core.signals import Kind, Origin, printable
from edge_assistant_models import paths

if TYPE_CHECKING:
    from edge_assistant.governance.policy.rules import PolicyRules

SYSTEM = Path("/etc/edge-assistant/policy.toml")
FILE = "policy.toml"
LONGEST_WAIT_S = 30.0  # after a wrong PIN
AGAIN_S = 60.0  # until the same refusal is recorded again: a key that a visitor holds down fills no disk
_recorded: dict[tuple[str, str], float] = {}  # when each refusal was, by all policies that this process read

Record = Callable[[Mapping[str, object]], object]


class Policy:
    """The rules that hold, and whether the operator is there; may be asked from any thread.

    Each method that begins with `check`, and `device`, raises PolicyRefused where it may not be.

    Attributes:
        rules: what the file says; without a policy they allow everything.
        file: where it lies.
        record: is told each refusal, each unlocking and each wrong PIN, for the audit trail.
    """

    def __init__(
        self,
        rules: PolicyRules | None = None,
        file: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the rules; where they have roles, nobody but a visitor is there.

        Args:
            rules: what is allowed; None for everything.
            file: where they stand.
            clock: seconds, for the time that an operator stays unlocked.
            wait: passes the seconds after a wrong PIN.
        """
        from edge_assistant.governance.policy.rules import PolicyRules

        self.rules = rules or PolicyRules()
        self.file = file
        self.record: Record = lambda what: None
        self._clock, self._wait = clock, wait
        self._until = 0.0  # when the operator is locked out
        self._wrong = 0  # PINs in a row
        self._refused: dict[tuple[str, str], float] = {}  # when each refusal was recorded
        self._trying = threading.Lock()  # so that PINs cannot be tried side by side

    # What is allowed

    def check_signal(self, kind: Kind, origin: Origin) -> None:
        """Whether such a signal may be asked about."""
        allowed = self.rules.signals
        self._require(kind in allowed.kinds, "signals.kinds", f"no signal of the kind {kind}", kind)
        self._require(origin in allowed.origins, "signals.origins", f"no signal that comes from: {origin}", origin)

    def check_model(self, name: str, *, own: bool = False) -> None:
        """Whether a model may be used.

        Args:
            name: in the catalog.
            own: whether the user's own catalog describes it, so that its name says nothing of its weights.
        """
        allowed = self.rules.models
        self._require(allowed.own or not own, "models.own", f"not the model {name} of your own catalog", "own")
        self._require(_among(name, allowed.allowed), "models.allowed", f"not the model {name}", name)

    def admits_model(self, name: str, *, own: bool = False) -> bool:
        """Whether `check_model` would let a model be used; a refusal is no event here."""
        return (self.rules.models.own or not own) and _among(name, self.rules.models.allowed)

    def check_profile(self, name: str) -> None:
        """Whether a profile may be chosen."""
        allowed = _among(name, self.rules.profiles.allowed)
        self._require(allowed, "profiles.allowed", f"not the profile {name}", name)

    def allows_device(self, device: str, name: str) -> bool:
        """Whether a device of this name may be used; `device` is one of the policy's table `devices`."""
        return _among(name, getattr(self.rules.devices, device))

    def check_device(self, device: str, name: str) -> None:
        """Whether a device of this name may be used."""
        self._require(self.allows_device(device, name), f"devices.{device}", f"not {name} as {device}", device)

    def device(self, device: str, name: str | None, names: Callable[[], Iterable[str]]) -> str | None:
        """The device to open.

        Args:
            device: which sort.
            name: as a person names it; None for the first or the default one.
            names: those that are there and allowed; asked only where not every one is.

        Returns:
            The name that was given, which has to be the whole name where not every device is allowed: a part of a name
            could be that of another one. The first that is allowed of None.
        """
        if "*" in getattr(self.rules.devices, device):
            return name
        found = next((found for found in names() if name in (None, found)), None)
        what = f"every {device} that is there" if name is None else f"not {name}"
        self._require(found is not None, f"devices.{device}", what, device)
        return found

    def check_lock(self, locked: bool) -> None:
        """Whether something may run, where the offline lock is set or not."""
        allowed = locked or self.rules.offline.lock != "required"
        self._require(allowed, "offline.lock", "nothing without the offline lock", "unlocked")

    def check_pull(self) -> None:
        """Whether models may be pulled."""
        self._require(self.rules.offline.pull, "offline.pull", "no pull of models", "pull")

    def check_export(self, ending: str, *, redacted: bool) -> None:
        """Whether a conversation may be written into a file.

        Args:
            ending: of the file's name, such as `.md`.
            redacted: whether it is going to be.
        """
        allowed, written = self.rules.export, "json" if ending.lower() == ".json" else "md"
        self._require(written in allowed.formats, "export.formats", f"no export as {written}", written)
        what = "no export that is not redacted"
        self._require(redacted or allowed.unredacted, "export.unredacted", what, written)

    def check_address(self, address: str) -> None:
        """Whether the gateway may listen on an address of this machine."""
        allowed = _among(address, self.rules.serve.addresses)
        hint = f'to allow it, write into {self.file or own()}: [serve] addresses = ["{address}"]'
        self._require(allowed, "serve.addresses", f"no gateway on {address}", address, hint)

    def check_served_file(self, inside: bool) -> None:
        """Whether a client of the gateway may name a file that is, or is not, inside of the folders for that."""
        hint = "a policy names folders: [serve] folders = [...]"
        self._require(inside, "serve.folders", "no file outside of the folders that it names", "outside", hint)

    @property
    def exports_as_it_is(self) -> bool:
        """Whether what is shown may leave in a file as it stands there."""
        return self.rules.export.unredacted and bool(self.rules.export.formats)

    @property
    def operator_confirms(self) -> bool:
        """Whether only the operator may confirm what an answer rests on."""
        return self.rules.approval.by == "operator"

    @property
    def verifies_always(self) -> bool:
        """Whether a model's files are summed each time that it is opened."""
        return self.rules.models.verify == "always"

    @property
    def allows_gpu(self) -> bool:
        """Whether a graphics card may compute."""
        return self.rules.models.gpu

    @property
    def allows_free_talk(self) -> bool:
        """Whether the language model may answer whoever is there without sources; a visitor only where they may."""
        return self.may("free talk") and self.rules.answers.free_talk

    @property
    def redacts_answers(self) -> bool:
        """Whether answers on the command line are redacted, asked for or not."""
        return self.rules.redaction.answers

    @property
    def keeps_history(self) -> bool:
        """Whether conversations are kept."""
        return self.rules.retention.history

    @property
    def keeps_caches(self) -> bool:
        """Whether what was perceived may be kept between runs: never where conversations are not, or for a visitor."""
        return self.keeps_history and not self.roles and self.rules.retention.cache

    def history_days(self, wanted: int | None) -> int | None:
        """How long conversations are kept: what the person wants, or less; None for ever."""
        return min((days for days in (wanted, self.rules.retention.history_days) if days is not None), default=None)

    @property
    def limits(self) -> dict[str, int]:
        """The limits that are lower than without a policy."""
        given = {name: getattr(self.rules.limits, name) for name in self.rules.limits.__struct_fields__}
        return {name: value for name, value in given.items() if value is not None}

    # Roles

    @property
    def roles(self) -> bool:
        """Whether there is a visitor and an operator."""
        return self.rules.roles.pin is not None

    @property
    def unlocked(self) -> bool:
        """Whether everything may be done: there are no roles, or the operator is there."""
        return not self.roles or self._clock() < self._until

    @property
    def idle_s(self) -> float:
        """Seconds without a key after which a visitor is taken to be gone; never without roles."""
        return 60.0 * self.rules.roles.idle_minutes if self.roles else math.inf

    def may(self, action: str) -> bool:
        """Whether whoever is there may do this."""
        return self.unlocked or action in self.rules.roles.visitor

    def check_action(self, action: str) -> None:
        """Whether whoever is there may do this."""
        hint = "the operator unlocks it with the PIN"
        self._require(self.may(action), "roles.visitor", f"a visitor may not: {action}", action, hint)

    def unlock(self, pin: str) -> bool:
        """Let the operator in; a wrong PIN takes longer each time.

        Returns:
            Whether it was the PIN.

        Raises:
            StorageFull, KeyLost: it cannot be recorded, and nobody is let in.
        """
        from edge_assistant.governance.policy import pin as pins

        if (kept := self.rules.roles.pin) is None:
            return True
        with self._trying:
            if pins.fits(pin, kept):
                self.record({"event": "unlocked", "rule": "roles.pin"})  # first: what cannot be recorded is not done
                self._wrong = 0
                self._until = self._clock() + self.idle_s
                return True
            self._wrong += 1
            try:
                self.record({"event": "wrong PIN", "rule": "roles.pin"})
            finally:  # a disk that is full makes no PIN quicker to try
                self._wait(min(LONGEST_WAIT_S, 2.0 ** (self._wrong - 1)))
            return False

    def admit(self) -> None:
        """The operator is there, as another process of the same app has found out."""
        self._until = math.inf

    def touch(self) -> None:
        """The operator is still there, where he was."""
        if self.roles and self.unlocked:
            self._until = self._clock() + self.idle_s

    def lock(self) -> None:
        """The operator is gone."""
        if self.roles and self._until:
            self._until = 0.0
            self.record({"event": "locked", "rule": "roles.pin"})

    def _require(self, allowed: bool, rule: str, what: str, about: str, hint: str = "") -> None:
        """Refuse what is not allowed, and have it recorded, the same at most once a minute.

        Args:
            allowed: whether it is.
            rule: table and key.
            what: what is refused, for the person.
            about: the same in a word that is no content, for the audit trail.
            hint: what can be done; by default that the file can be changed.

        Raises:
            PolicyRefused: it is not.
        """
        if allowed:
            return
        now = self._clock()
        if now - self._refused.get((rule, about), -math.inf) >= AGAIN_S:
            self._refused[rule, about] = now
            self.record({"event": "refused", "rule": rule, "about": about})
        who = "the administrator" if self.file == SYSTEM else "you"
        message = f"the policy refuses: {printable(what)} ({rule})"
        raise PolicyRefused(message, hint or f"{who} can change {self.file}")


def current() -> Policy:
    """The policy that holds on this machine for this user; read once in a process.

    Raises:
        PolicyInvalid: it cannot be read or is wrong, so that nothing is allowed.
    """
    return _loaded(place())


def place() -> Path | None:
    """The policy file that counts, or None."""
    return next((file for file in (SYSTEM, own()) if _is_there(file)), None)


def own() -> Path:
    """Where the user's own policy is looked for."""
    return paths.config_dir() / FILE


def absent() -> str:
    """What is to be said where there is no policy."""
    return f"there is no policy in {own()}: everything is allowed but 'serve'"


def _is_there(file: Path) -> bool:
    """Whether there is a file; one that cannot be looked at counts, as nobody knows what it allows."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def reread() -> None:
    """Let `current` read it anew, and know of no operator: for a process that goes on for somebody else."""
    _loaded.cache_clear()


@cache
def _loaded(file: Path | None) -> Policy:
    if file is None:
        return Policy()
    from edge_assistant.governance.policy import policy_file

    policy = Policy(policy_file.read(file), file)
    policy.record, policy._refused = _audited, _recorded
    return policy


def _audited(what: Mapping[str, object]) -> None:
    """Write into the audit trail; raises StorageFull or KeyLost if it cannot be written."""
    from edge_assistant.governance.audit.trail import Trail

    with closing(Trail()) as trail:
        trail.append("policy", what)


def _among(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of these, where only * is more than a character."""
    return any(fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]")) for pattern in patterns)
