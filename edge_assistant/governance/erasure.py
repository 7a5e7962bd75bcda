"""Forgetting: keys first, then what they sealed; begun once, it is completed by whatever starts next.

What is going to be forgotten is written down by its ids before anything is destroyed, in a file that is gone when all
is done. A process that is killed in between leaves that file, and the next one goes on from it: each step may be done
twice. What is kept sealed to be quicker the next time (`vault.caches`) goes with whatever is forgotten, all of it, so
that nobody has to know which of it came of what.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.errors import KeyLost, StorageFull, UsageError
from edge_assistant.governance import intents
from edge_assistant.governance.intents import WHAT, Intent
from edge_assistant.storage import atomic
from edge_assistant.vault.master import keys_dir
from edge_assistant_models import paths

if TYPE_CHECKING:
    from edge_assistant.history.conversations import Summary
    from edge_assistant.history.store import History
    from edge_assistant.vault.vault import Vault

EXPIRED = "expired"  # a file whose time is when what is too old was last looked for
EVERY_S = 3600.0  # between two times that what is too old is looked for
_LOCK_WAIT_S = 60.0  # for another process that forgets
_OF_KEYS = re.compile(
    r"keys\.(db(-wal|-shm|-journal)?|lock)|master\.(key|lock)|keyring|forgetting\.(json|lock)|expired", re.ASCII
)
_OF_HISTORY = re.compile(r"history(-damaged-[\dT]+)?\.(db(-wal|-shm|-journal)?|lock)|open|open\.lock", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept and can be forgotten.

    Attributes:
        conversations: of the app, the last one first.
        questions: ids of those that the command line asked: all that is kept of them is a key, which the digests in the
            audit trail were made with.
        files: set aside because they are damaged.
        busy: ids of conversations that another app has open.
        cached: bytes that are kept to be quicker the next time; they go with whatever is forgotten.
    """

    conversations: list[Summary]
    questions: list[str]
    files: list[Path]
    busy: list[str]
    cached: int = 0


def kept(history: History, before: datetime | None = None) -> Kept:
    """What there is; with `before`, what nothing was added to since a time.

    Where the keys are lost or damaged, titles cannot be read, and all else is told.
    """
    from edge_assistant.vault import caches

    try:
        summaries = history.conversations()
    except (KeyLost, StorageFull) as error:
        if not _keyless(history, error):
            raise
        summaries = history.conversations(readable=False)
    ids = {summary.id for summary in summaries}
    old = set(history.ids(before))
    keyed = [] if history.vault.damaged else history.vault.ids(before)
    busy = history.open_elsewhere()
    begun = {id for id in keyed if id in busy or history.holds(id)}  # of which nothing is kept yet
    return Kept(
        [summary for summary in summaries if summary.id in old],
        [id for id in keyed if id not in ids | begun],
        [file for file in history.set_aside() if before is None or file.stat().st_mtime < before.timestamp()],
        busy,
        caches.kept_bytes(),
    )


def forget(history: History, ids: Sequence[str]) -> None:
    """Forget conversations.

    Raises:
        UsageError: one is open in another app; nothing is forgotten then.
        StorageFull: it cannot be done, or not written into the audit trail; the next start goes on.
    """
    with _alone(), _held(history, ids) as (_, refused):
        if refused:
            raise in_use(refused)
        _begin(history, Intent(list(ids), "asked"))


def forget_all(history: History) -> list[str]:
    """Forget everything that is kept of conversations; returns their ids, those of single questions too.

    Raises:
        UsageError: one is open in another app; nothing is forgotten then.
        StorageFull: as `forget`.
    """
    with _alone(), history.standing():
        if refused := history.open_elsewhere():
            raise in_use(refused)
        _mend_keys(history)
        ids = list(dict.fromkeys([*history.ids(), *history.vault.ids()]))
        _begin(history, Intent(ids, "asked", True, [file.name for file in history.set_aside()]))
        return ids


def forget_before(history: History, before: datetime, why: str = "asked") -> list[str]:
    """Forget what nothing was added to since a time; returns the ids, those of single questions too.

    What an app has open stays. Files that were set aside damaged before that time go, too; so does what is kept to be
    quicker the next time, where somebody asks for it, or it may be older.

    Raises:
        StorageFull: as `forget`.
    """
    with (
        _alone(),
        history.standing(),
        _held(history, [id for id in history.ids(before) if not history.holds(id)]) as (held, _),
    ):
        found = kept(history, before)  # nobody adds to those that are held, and somebody may have until now
        still = {summary.id for summary in found.conversations}
        ids = [id for id in held if id in still] + found.questions
        if ids or found.files or _caches_go(history, None if why == "asked" else before):
            _begin(history, Intent(ids, why, files=[file.name for file in found.files]))
        return ids


def unknown_files(history: History) -> list[str]:
    """What lies beside the keys and the history and is none of our files, such as a backup; forgetting leaves it."""
    return [
        f"{folder.name}/{path.name}"
        for folder, ours in ((history.vault.folder, _OF_KEYS), (history.folder, _OF_HISTORY))
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if not ours.fullmatch(path.name) and not path.name.startswith(atomic.PREFIX)
    ]


def _caches_go(history: History, before: datetime | None) -> bool:
    """Whether something is kept to be quicker the next time; with `before`, something that may be older than that."""
    from edge_assistant.vault import caches

    if history.vault.damaged:
        return caches.kept_bytes() > 0
    if before is None:
        return caches.any_kept(history.vault)
    return bool(history.vault.caches(before))


def expire(days: int, history: History | None = None) -> int:
    """Forget what nothing was added to for some days, conversations and single questions; returns how many.

    Args:
        days: that conversations are kept.
        history: of this process, which keeps what it holds; None for one of the moment.

    Raises:
        StorageFull: as `forget`.
    """
    with _opened(history) as opened:
        gone = forget_before(opened, datetime.now(UTC) - timedelta(days=days), "expired")
    with atomic.storing(WHAT):
        (keys_dir() / EXPIRED).touch()
    return len(gone)


def expire_when_due(days: int | None) -> int:
    """As `expire`, unless that was done within the last hour, or nothing was ever sealed; for commands that end soon.

    Args:
        days: that conversations are kept; None keeps all.
    """
    if days is None:
        return 0
    with atomic.storing(WHAT), contextlib.suppress(FileNotFoundError):
        if not keys_dir().is_dir() or 0 <= time.time() - (keys_dir() / EXPIRED).stat().st_mtime < EVERY_S:
            return 0
    return expire(days)


def forget_caches(vault: Vault | None = None) -> None:
    """Forget the evidence cache, and nothing else; it is no part of any conversation.

    Args:
        vault: of this process; None for one of the moment.

    Raises:
        StorageFull: it cannot be done; the next time that it is asked for goes on.
    """
    from edge_assistant.vault import caches
    from edge_assistant.vault.vault import Vault

    vault = vault or Vault()
    if caches.any_kept(vault):
        caches.forget_all(vault)


def pending() -> bool:
    """Whether something was begun to be forgotten, and a crash came between.

    Raises:
        StorageFull: it cannot be looked for.
    """
    with atomic.storing(WHAT):
        return (keys_dir() / intents.FILE).exists()


def complete(history: History | None = None) -> None:
    """Go on where a process was killed while it forgot; nothing where none was.

    Raises:
        StorageFull: it cannot be done.
    """
    if pending():
        with _alone(), _opened(history) as opened:
            if (intent := intents.read()) is not None:
                _carry_out(opened, intent)


def _begin(history: History, intent: Intent) -> None:
    """Write down what is going to be forgotten, then do it; what another process was killed at goes first, or with all.

    What stopped the former one, such as damaged keys, does not stop one of everything.
    """
    former = intents.read()
    if former is not None and not (intent.all or former.destroyed):
        try:
            _carry_out(history, former)
        except (StorageFull, KeyLost):
            if (left := intents.read()) is None or not left.destroyed:
                raise
            former = left
        else:
            former = None
    if former is not None and not former.recorded:  # a resident's memory goes with this one, too
        files = [*(former.files or ()), *(intent.files or ())]
        intent = replace(intent, ids=list(dict.fromkeys([*former.ids, *intent.ids])), files=files)
    try:
        intents.write(intent)
    except StorageFull:
        _make_room()
        intents.write(intent)
    _carry_out(history, intent)


def _carry_out(history: History, intent: Intent) -> None:
    """Do it, but what was done before; what the disk has goes first, whatever cannot be written of it then.

    Raises:
        StorageFull, KeyLost: the next start goes on with what is left to do.
    """
    if not intent.destroyed:
        _destroy(history, intent)
        intent = replace(intent, destroyed=True)
    faults: list[StorageFull | KeyLost] = []
    try:
        if not intent.recorded:
            _record(history, intent)
            intent = replace(intent, recorded=True)
    except (StorageFull, KeyLost) as error:
        told = f"what was to be forgotten is erased, but not recorded: {error.message}"
        faults.append(type(error)(told, error.hint))
    try:
        _empty_resident()
    except StorageFull as error:
        faults.append(error)
    if faults:
        with contextlib.suppress(StorageFull):
            intents.write(intent)
        raise faults[0]
    intents.remove()


def _destroy(history: History, intent: Intent) -> None:
    """Destroy what is kept on the disk."""
    from edge_assistant.vault import caches

    if intent.all:
        _mend_keys(history)
    history.erase(intent.ids)
    caches.forget_all(history.vault)
    with atomic.storing(WHAT):
        for name in intent.files or ():
            (history.folder / Path(name).name).unlink(missing_ok=True)
        if intent.all:
            history.sweep()
            _remove_logs()


def _make_room() -> None:
    """On a full disk, give up what goes with whatever is forgotten, and what is there for a disk that is full."""
    from edge_assistant.governance.audit.trail import RESERVE
    from edge_assistant.vault import caches

    caches.remove_files()
    with atomic.storing(WHAT):
        (paths.data_dir() / "audit" / RESERVE).unlink(missing_ok=True)


def _mend_keys(history: History) -> None:
    """Where the keys cannot be read any more, begin with new ones: what they sealed is going anyway."""
    try:
        history.vault.every()
    except (KeyLost, StorageFull) as error:
        if not _keyless(history, error):
            raise
        history.vault.reset()


def _keyless(history: History, error: KeyLost | StorageFull) -> bool:
    """Whether an error is that the keys cannot be read any more, and no passing one."""
    return isinstance(error, KeyLost) or history.vault.damaged


def _remove_logs() -> None:
    """Remove the logs: nothing that signals say is meant to be in them, but a fault may have quoted something."""
    for pattern in ("*.log", "*.log.*"):
        for file in paths.state_dir().glob(pattern):
            file.unlink(missing_ok=True)


def _empty_resident() -> None:
    """Restart the resident, if one runs: its memory may hold what is forgotten.

    Raises:
        StorageFull: it cannot be told.
    """
    from edge_assistant.resident import client

    try:
        client.end("restart")
    except (OSError, client.Unavailable) as error:
        raise StorageFull(f"the resident still holds questions ({error})", "end it, then run this again") from error


def _record(history: History, intent: Intent) -> None:
    """Write into the audit trail that it was done; a crash right after lets the next start write it again."""
    from edge_assistant.governance.audit.trail import Trail

    body = {"why": intent.why, "all": intent.all, "conversations": intent.ids, "files": len(intent.files or ())}
    body["caches"] = True
    with contextlib.closing(Trail(vault=history.vault)) as trail:
        if intent.all:
            trail.renew()  # where the master key was lost, nobody can go on with the old trail
        trail.append("forgot", body, intent.ids[0] if len(intent.ids) == 1 else "")


@contextlib.contextmanager
def _held(history: History, ids: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Hold conversations for a moment; those that are, and those that another app has open."""
    before = [id for id in ids if history.holds(id)]
    held = [id for id in ids if history.hold(id)]
    try:
        yield held, [id for id in ids if id not in held]
    finally:
        history.let_go(set(held) - set(before))


@contextlib.contextmanager
def _opened(history: History | None) -> Iterator[History]:
    if history is not None:
        yield history
        return
    from edge_assistant.history.store import History

    opened = History()
    try:
        yield opened
    finally:
        opened.quit()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process forgets at a time; raises StorageFull if another one does, for long."""
    from filelock import FileLock, Timeout

    with atomic.storing(WHAT):
        keys_dir().mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(keys_dir() / "forgetting.lock", timeout=_LOCK_WAIT_S)
        try:
            lock.acquire()
        except Timeout:
            raise StorageFull("another program is forgetting", "wait for it, then run this again") from None
    try:
        yield
    finally:
        lock.release()


def in_use(ids: Sequence[str]) -> UsageError:
    """What is said where another app has conversations open."""
    what = "a conversation is" if len(ids) == 1 else f"{len(ids)} conversations are"
    return UsageError(f"{what} open in another app ({', '.join(ids)})", "end that app, then run this again")
