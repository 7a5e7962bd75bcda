"""What can go wrong, drawn once.

    EdgeAssistantError                          base: message, hint, code, exit status
    ├── UsageError        (ValueError)          the command line or the settings are wrong: status 2
    ├── InputError                              a signal cannot be used: status 3
    │   ├── InputMissing  (FileNotFoundError)
    │   ├── InputUnreadable (PermissionError)
    │   ├── InputEmpty    (ValueError)          no bytes, no duration, no rows
    │   ├── InputTooLarge (ValueError)
    │   ├── InputCorrupt  (ValueError)
    │   └── InputUnsupported (ValueError)       another kind of file than it was given as
    ├── Stopped                                 who asked wants no answer any more: status 130
    ├── DeviceError                             a camera, microphone, speaker or port cannot be used: status 3
    │   ├── DeviceMissing                       it is not there, or what drives it is not
    │   ├── DeviceBusy                          another program has it
    │   ├── DeviceLost                          it was there and gives nothing any more
    │   └── DeviceEnded                         a recording that stands for a device is over
    ├── VoiceUnavailable                        nothing can be spoken: a program is missing or fails: status 4
    ├── KeyLost                                 the encryption key is unavailable: status 6
    ├── KeyGone                                 what is asked for was forgotten, its key is destroyed: status 3
    ├── AuditDamaged                            the audit trail is not as it was written: status 1
    ├── PolicyRefused                           a rule of the policy refuses: status 5
    │   └── PolicyInvalid                       the policy itself cannot be read or is wrong, so that nothing is allowed
    ├── LockFailed                              the offline lock cannot be set: status 5
    ├── ResidentLost                            no resident, or it ended while it answered: status 70
    └── ModelError, StorageFull, ...            status 4 and 6, see edge_assistant_models.errors

A damaged signal raises an `InputError`; the assistant reports it in `failed` and goes on with the others.
"""

from __future__ import annotations

from edge_assistant_models.errors import (
    BundleInvalid,
    CatalogInvalid,
    EdgeAssistantError,
    ImporterMissing,
    ModelCorrupt,
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelTooLarge,
    ModelUnknown,
    PullFailed,
    StorageDamaged,
    StorageForeign,
    StorageFull,
    StorageReadOnly,
)

__all__ = [
    "AuditDamaged",
    "BundleInvalid",
    "CatalogInvalid",
    "DeviceBusy",
    "DeviceEnded",
    "DeviceError",
    "DeviceLost",
    "DeviceMissing",
    "EdgeAssistantError",
    "ImporterMissing",
    "InputCorrupt",
    "InputEmpty",
    "InputError",
    "InputMissing",
    "InputTooLarge",
    "InputUnreadable",
    "InputUnsupported",
    "KeyGone",
    "KeyLost",
    "LockFailed",
    "ModelCorrupt",
    "ModelError",
    "ModelFailed",
    "ModelMissing",
    "ModelTooLarge",
    "ModelUnknown",
    "PolicyInvalid",
    "PolicyRefused",
    "PullFailed",
    "ResidentLost",
    "Stopped",
    "StorageDamaged",
    "StorageForeign",
    "StorageFull",
    "StorageReadOnly",
    "UsageError",
    "VoiceUnavailable",
]


class UsageError(EdgeAssistantError, ValueError):
    """The command line or the settings are wrong."""

    code = "usage"
    exit_status = 2


class InputError(EdgeAssistantError):
    """A signal cannot be used."""

    code = "input"
    exit_status = 3


class InputMissing(InputError, FileNotFoundError):
    """There is nothing at this path."""

    code = "input.missing"


class InputUnreadable(InputError, PermissionError):
    """The file may not be read."""

    code = "input.unreadable"


class InputEmpty(InputError, ValueError):
    """The file has no bytes, the recording no duration, the table no rows."""

    code = "input.empty"


class InputTooLarge(InputError, ValueError):
    """The file exceeds a limit that keeps memory bounded."""

    code = "input.too_large"


class InputCorrupt(InputError, ValueError):
    """The file breaks off or is damaged."""

    code = "input.corrupt"


class InputUnsupported(InputError, ValueError):
    """The file is of another kind than it was given as, or of one that is not read."""

    code = "input.unsupported"


class Stopped(EdgeAssistantError):
    """Who asked wants no answer any more."""

    code = "stopped"
    exit_status = 130


class DeviceError(EdgeAssistantError):
    """A camera, microphone, speaker or port cannot be used."""

    code = "device"
    exit_status = 3


class DeviceMissing(DeviceError):
    """It is not there, or the library that drives it is not."""

    code = "device.missing"


class DeviceBusy(DeviceError):
    """Another program has it."""

    code = "device.busy"


class DeviceLost(DeviceError):
    """It was there and gives nothing any more."""

    code = "device.lost"


class DeviceEnded(DeviceError):
    """A recording that stands for a device is over."""

    code = "device.ended"


class VoiceUnavailable(EdgeAssistantError):
    """Nothing can be spoken: the program that gives the phonemes is not installed, or fails."""

    code = "voice.unavailable"
    exit_status = 4


class KeyLost(EdgeAssistantError):
    """The encryption key of stored data is unavailable, or is another."""

    code = "key.lost"
    exit_status = 6


class KeyGone(EdgeAssistantError):
    """What is asked for was forgotten: its key is destroyed."""

    code = "key.gone"
    exit_status = 3


class AuditDamaged(EdgeAssistantError):
    """The audit trail is not as it was written; the message names the first bad row and the kind of damage."""

    code = "audit.damaged"
    exit_status = 1


class PolicyRefused(EdgeAssistantError):
    """A rule of the policy refuses; the message names the rule."""

    code = "policy"
    exit_status = 5


class LockFailed(EdgeAssistantError):
    """The offline lock cannot be set where it should work, and nothing is to run without it.

    Status 5, as where a policy refuses: no fault of ours, nothing is missing, and who is in charge can allow it.
    """

    code = "lock"
    exit_status = 5


class ResidentLost(EdgeAssistantError):
    """The resident ended while it answered, or there is none where one is needed."""

    code = "resident"


class PolicyInvalid(PolicyRefused):
    """The policy cannot be read or is wrong; while it is not known what is allowed, nothing is."""

    code = "policy.invalid"


def packed(error: EdgeAssistantError) -> list[str]:
    """Name, message and hint of an error, for another process; one that is not in `__all__` goes as its base there."""
    kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in __all__)
    return [kind, error.message, error.hint]


def unpacked(kind: str, message: str, hint: str) -> EdgeAssistantError:
    """What `packed` was given; an unknown name stands for `EdgeAssistantError`."""
    made: EdgeAssistantError = globals()[kind if kind in __all__ else "EdgeAssistantError"](message, hint)
    return made
