"""What can go wrong in the toolkit besides what `edge_assistant.core.errors` draws.

    EdgeAssistantError
    ├── RecipeInvalid     (ValueError)      a recipe breaks its schema: status 2
    ├── LockBroken        (ValueError)      inputs, versions or tensors are not those of the record: status 1
    ├── ToolMissing       (ImportError)     an extra or a tool is not installed: status 4
    ├── WeightsRefused    (ValueError)      weights that are not taken: pickled, incomplete, not finite, of an unknown
    │                                       architecture: status 3
    ├── CalibrationInvalid (ValueError)     calibration data of the wrong kind: status 3
    ├── QuantizationFailed (RuntimeError)   a library could not do it; the message has its reason: status 3
    └── NotAccepted       (ValueError)      a model that was not accepted by measurement was to be published: status 1

Where memory does not suffice `ModelTooLarge` is raised, where the disk does not, `StorageFull`.
"""

from __future__ import annotations

from edge_assistant.core.errors import (
    EdgeAssistantError,
    InputMissing,
    ModelCorrupt,
    ModelTooLarge,
    StorageFull,
    UsageError,
)

__all__ = [
    "CalibrationInvalid",
    "EdgeAssistantError",
    "InputMissing",
    "LockBroken",
    "ModelCorrupt",
    "ModelTooLarge",
    "NotAccepted",
    "QuantizationFailed",
    "RecipeInvalid",
    "StorageFull",
    "ToolMissing",
    "UsageError",
    "WeightsRefused",
]


class RecipeInvalid(EdgeAssistantError, ValueError):
    """A recipe breaks its schema; the message names file and key."""

    code = "recipe.invalid"
    exit_status = 2


class LockBroken(EdgeAssistantError, ValueError):
    """Inputs, versions or tensors are not those of the record that a run is held to."""

    code = "recipe.lock"
    exit_status = 1


class ToolMissing(EdgeAssistantError, ImportError):
    """An extra or a tool that this step needs is not installed."""

    code = "tool.missing"
    exit_status = 4


class WeightsRefused(EdgeAssistantError, ValueError):
    """Weights that are not taken: pickled, incomplete, not finite, or of an architecture that nothing here knows."""

    code = "weights.refused"
    exit_status = 3


class CalibrationInvalid(EdgeAssistantError, ValueError):
    """Calibration data of the wrong kind, or none."""

    code = "calibration.invalid"
    exit_status = 3


class QuantizationFailed(EdgeAssistantError, RuntimeError):
    """A library could not do what was asked; the message has its reason."""

    code = "quantization.failed"
    exit_status = 3


class NotAccepted(EdgeAssistantError, ValueError):
    """A model was to be published that no measurement has accepted."""

    code = "model.not_accepted"
    exit_status = 1
