"""Where data lives: the platform's user directories, or one folder named by `EDGE_ASSISTANT_HOME`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_assistant_models.errors import StorageFull

APPLICATION = "edge-assistant"
_WRITTEN = ("state", "cache")  # the folders inside the data directory into which any command writes


def _directory(kind: str) -> Path:
    """The directory of one kind: a subfolder of `EDGE_ASSISTANT_HOME` where that is set, else the platform's.

    Raises:
        StorageFull: there is no home folder, or the folder inside it is a link, which only its owner should have made.
    """
    home = os.environ.get("EDGE_ASSISTANT_HOME")
    if home:
        root = _expanded(home)
        folder = root if kind == "data" else root / kind
        if kind in _WRITTEN and folder.is_symlink():  # what took over one command may have put it there for the next
            raise StorageFull(f"{kind} in the data directory is a link", "put the folder itself there")
        return folder
    import platformdirs

    with _homeless():
        directory: Path = getattr(platformdirs, f"user_{kind}_path")(APPLICATION, appauthor=False)
    return directory


def _expanded(path: str) -> Path:
    with _homeless():
        return Path(path).expanduser()


@contextmanager
def _homeless() -> Iterator[None]:
    """Say what to do where there is no home folder, as in a container for a user whom the system does not know.

    Raises:
        StorageFull: there is none.
    """
    try:
        yield
    except RuntimeError:
        raise StorageFull("there is no home folder for data", "set EDGE_ASSISTANT_HOME to a folder") from None


def data_dir() -> Path:
    """What is kept: models, the user's catalog, conversations, keys, the audit trail."""
    return _directory("data")


def config_dir() -> Path:
    """`config.toml`, `policy.toml`."""
    return _directory("config")


def state_dir() -> Path:
    """Logs, checkpoints of the audit trail."""
    return _directory("state")


def cache_dir() -> Path:
    """What can be made again."""
    return _directory("cache")


def models_dir() -> Path:
    """The store of models: `EDGE_ASSISTANT_MODELS`, or `models` in the data directory."""
    chosen = os.environ.get("EDGE_ASSISTANT_MODELS")
    return _expanded(chosen) if chosen else data_dir() / "models"


def user_catalog_dir() -> Path:
    """Catalog files of the user's own, which add to those that come with the package."""
    return data_dir() / "catalog"
