"""What can go wrong, from the portfolio upward.

    EdgeAssistantError                 base of all: message, hint, code, exit status
    ├── ModelError                     status 4
    │   ├── ModelUnknown   (KeyError)  no such name in the catalog: status 2
    │   ├── ModelMissing   (FileNotFoundError)
    │   ├── ModelCorrupt   (ValueError)    a file does not have its sum
    │   ├── ModelTooLarge  (MemoryError)   there is not enough memory to run it
    │   ├── ModelFailed    (RuntimeError)  it is loaded, and cannot compute any more
    │   ├── ImporterMissing (ImportError)  its source needs an importer that is not installed
    │   └── PullFailed     (OSError)       no source gave it
    ├── CatalogInvalid     (ValueError)    a catalog or profile file is wrong: status 2
    ├── BundleInvalid      (ValueError)    an archive of models does not match its manifest: status 3
    └── StorageFull        (OSError)       disk full or read-only: status 6
        ├── StorageForeign                 a file of another program or version stands in the way
        ├── StorageDamaged                 a file of ours is damaged, or was changed from outside
        └── StorageReadOnly                the disk or the folder may not be written

The rest of the tree stands in `edge_assistant.core.errors`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class EdgeAssistantError(Exception):
    """A failure that the user can do something about.

    Attributes:
        message: what happened, one line, no full stop.
        hint: what to do about it, one line, no full stop.
        code: a stable identifier for programs, such as `input.missing`.
        exit_status: the command's exit status, see docs/contract.md.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 70

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} - {self.hint}"


class ModelError(EdgeAssistantError):
    """A model cannot be used."""

    code = "model"
    exit_status = 4


class ModelUnknown(ModelError, KeyError):
    """No catalog file carries this name."""

    code = "model.unknown"
    exit_status = 2


class ModelMissing(ModelError, FileNotFoundError):
    """A model is not in the store."""

    code = "model.missing"


class ModelCorrupt(ModelError, ValueError):
    """A file in the store does not have the sum of its catalog entry."""

    code = "model.corrupt"


class ModelTooLarge(ModelError, MemoryError):
    """There is no memory to run a model."""

    code = "model.too_large"


class ModelFailed(ModelError, RuntimeError):
    """A model that was loaded cannot compute: memory ran out, or the graphics card failed."""

    code = "model.failed"


class ImporterMissing(ModelError, ImportError):
    """A model's source needs conversion, and no installed package brings the importer."""

    code = "model.importer"


class PullFailed(ModelError, OSError):
    """Every source refused; the message names each with its reason."""

    code = "model.pull"


class CatalogInvalid(EdgeAssistantError, ValueError):
    """A catalog or profile file breaks its schema."""

    code = "catalog.invalid"
    exit_status = 2


class BundleInvalid(EdgeAssistantError, ValueError):
    """An archive of models does not match its manifest."""

    code = "bundle.invalid"
    exit_status = 3


class StorageFull(EdgeAssistantError, OSError):
    """The disk is full or cannot be written."""

    code = "storage.full"
    exit_status = 6


class StorageForeign(StorageFull):
    """A file of another program, or of another version of this one, stands where ours would."""

    code = "storage.foreign"


class StorageDamaged(StorageFull):
    """A file of ours is damaged, or was changed from outside, as an audit trail whose rows do not fit its key."""

    code = "storage.damaged"


class StorageReadOnly(StorageFull):
    """The disk is read-only, or whoever runs the program may not write there."""

    code = "storage.read_only"


READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""What the system says where nothing may be written."""


def not_stored(what: str, hint: str, error: OSError) -> StorageFull:
    """The error of what could not be written, by why it could not."""
    return (StorageReadOnly if error.errno in READ_ONLY else StorageFull)(what, hint)


def package(point: EntryPoint) -> str:
    """The name and version of the package that an entry point is of."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def not_loaded(point: EntryPoint, error: Exception) -> tuple[str, str]:
    """Message and hint about a plugin that cannot be loaded."""
    what = f"the plugin {point.name} of {package(point)} cannot be loaded ({type(error).__name__}: {error})"
    return what, "install a version that fits, or uninstall it"
