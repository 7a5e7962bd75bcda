"""Where data lives: the platform's user directories, or one folder named by `EDGE_ASSISTANT_HOME`."""

from __future__ import annotations

import os
from pathlib import Path

APPLICATION = "edge-assistant"


def _directory(kind: str) -> Path:
    """The directory of one kind: a subfolder of `EDGE_ASSISTANT_HOME` where that is set, else the platform's."""
    home = os.environ.get("EDGE_ASSISTANT_HOME")
    if home:
        root = Path(home).expanduser()
        return root if kind == "data" else root / kind
    import platformdirs

    directory: Path = getattr(platformdirs, f"user_{kind}_path")(APPLICATION, appauthor=False)
    return directory


def data_dir() -> Path:
    """What is kept: models, the user's catalog, the audit log."""
    return _directory("data")


def config_dir() -> Path:
    """`config.toml`, policies."""
    return _directory("config")


def state_dir() -> Path:
    """Logs."""
    return _directory("state")


def cache_dir() -> Path:
    """What can be made again."""
    return _directory("cache")


def models_dir() -> Path:
    """The store of models: `EDGE_ASSISTANT_MODELS`, or `models` in the data directory."""
    chosen = os.environ.get("EDGE_ASSISTANT_MODELS")
    return Path(chosen).expanduser() if chosen else data_dir() / "models"


def user_catalog_dir() -> Path:
    """Catalog files of the user's own, which add to those that come with the package."""
    return data_dir() / "catalog"
