"""Where the app may write: its own folders, those of a person's documents, and where it was started."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge_assistant_models import paths

EXPORTS = "exports"  # in the data folder, for whoever has no other
_MOUNTED = ("/media", "/run/media", "/mnt")


def keep(speaker: str | None) -> None:
    """Let this process write only there from now on.

    Args:
        speaker: the option or the setting; `file:PATH.wav` is a file that is written.

    Raises:
        LockFailed: the kernel refuses.
        StorageFull: there is no home folder.
    """
    from edge_assistant.governance.offline import bounds

    bounds.keep([*_spoken(speaker or ""), *folders(), *map(Path, _MOUNTED)], settings=True)


def folders() -> Iterator[Path]:
    """Where a person may want an export: here, then among their documents; not where programs look."""
    import platformdirs

    here = Path.cwd()
    theirs = (platformdirs.user_documents_path(), platformdirs.user_downloads_path(), platformdirs.user_desktop_path())
    media = (platformdirs.user_pictures_path(), platformdirs.user_music_path(), platformdirs.user_videos_path())
    commands = {Path(place).resolve() for place in os.get_exec_path() if os.path.isabs(place)}  # noqa: PTH117 - of many
    given = (here, *theirs, *media)
    return (folder for folder in given if folder.is_dir() and not _obeyed(folder.resolve(), commands))


def writable() -> Path:
    """The first of them that takes a file now; else a folder of the app's own."""
    for folder in folders():
        if _takes(folder):
            return folder
    own = paths.data_dir() / EXPORTS
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    return own


def _spoken(speaker: str) -> list[Path]:
    """The WAV file that stands for the speaker, made for that, as its folder may be none to write to.

    The app changes that setting itself, so no file of another kind is let be written by it.
    """
    path = Path(speaker.removeprefix("file:"))
    if not speaker.startswith("file:") or path.suffix != ".wav" or path.is_symlink():
        return []
    with contextlib.suppress(OSError):  # which the speaker says
        path.touch()
    return [path]


def _obeyed(folder: Path, commands: set[Path]) -> bool:
    """Whether programs outside the lock would do what is written there.

    The home folder, hidden ones, our own code, and folders of `commands`.
    """
    home = Path.home().resolve()
    code = (Path(sys.prefix).resolve(), Path(__file__).resolve())
    if any(place.is_relative_to(folder) for place in (home, *code, *commands)) or commands & {folder, *folder.parents}:
        return True
    return folder.is_relative_to(home) and any(part.startswith(".") for part in folder.relative_to(home).parts)


def _takes(folder: Path) -> bool:
    """Whether a file can be made there, by trying: access(2) knows nothing of Landlock."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
