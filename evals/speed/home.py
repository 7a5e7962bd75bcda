"""A home of the product for what is measured: the person's models, and nothing kept that would make a cold run warm.

Nor does anything of the person's get into a figure, or anything that is measured into their history.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_assistant_models import paths

_SHIPPED = "embeddings"  # in the cache: vectors of the examples that come with the product, made once for a machine
_HOME, _MODELS = "EDGE_ASSISTANT_HOME", "EDGE_ASSISTANT_MODELS"
_KEYRING = "PYTHON_KEYRING_BACKEND"
_NO_KEYRING = "keyring.backends.null.Keyring"  # the person's own gets no key of a home that is gone soon


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """Let this process and those that it starts live in a new home inside a folder, as long as this is open."""
    home = folder / "home"
    (home / "cache").mkdir(parents=True)
    if (shipped := paths.cache_dir() / _SHIPPED).is_dir():
        shutil.copytree(shipped, home / "cache" / _SHIPPED)
    if (catalog := paths.user_catalog_dir()).is_dir():
        (home / catalog.name).symlink_to(catalog.resolve())
    added = {_HOME: str(home), _MODELS: str(paths.models_dir().resolve()), _KEYRING: _NO_KEYRING}
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield home
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def forget_all() -> None:
    """Empty the caches of the home that holds now, so that what is run next begins cold."""
    folder = paths.cache_dir()
    for found in [*folder.iterdir()] if folder.is_dir() else []:
        if found.name == _SHIPPED:
            continue
        shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
