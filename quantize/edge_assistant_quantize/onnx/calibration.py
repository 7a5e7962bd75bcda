"""The feeds of an ONNX file in use, recorded while the product's own sense runs over calibration data.

So a model is calibrated on what it will see: the product's own resampling, letterbox, cuts of lines and tokens; and a
decoder on what it was fed at each step. onnxruntime's `CalibrationDataReader` is no more than an interface for such
feeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import senses
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.progress import Watch

Feed = Mapping[str, "NDArray[Any]"]  # of one run, by input
Calibration = tuple[Feed, ...]

LIMIT = 128  # feeds; https://arxiv.org/abs/2004.09602 finds 100 to 1,000 images enough
MAX_BYTES = 1 << 30  # of feeds that are kept


def record(
    candidate: Candidate, key: str, data: Mapping[str, object], *, threads: int, watch: Watch, limit: int = LIMIT
) -> Calibration:
    """Record the feeds of a file of a model, such as `decoder`, over data; beyond the limit those at even distances.

    Raises:
        UsageError: the model has no such ONNX file, or no sense runs it.
        InputMissing: the data is not there.
        CalibrationInvalid: the data is of another kind, or the file was not run over it.
    """
    path = candidate.paths.get(key)
    if path is None or path.suffix.lower() != ".onnx":
        named = ", ".join(key for key, path in candidate.paths.items() if path.suffix.lower() == ".onnx")
        raise UsageError(f"{candidate.name} has no ONNX file '{key}'", f"it has {named or 'none'}")
    sample = CalibrationSample(limit)
    with candidate.held() as (model, _):
        runtime = RecordingRuntime(threads, path=model.files[key], sample=sample)
        for _ in senses.perceive(model, candidate.role, data, runtime, watch):
            pass
    if not sample.feeds:
        said = f"the sense for {candidate.role} did not run {path.name} over this data"
        raise CalibrationInvalid(said, "give data in which there is something for it to do")
    return tuple(sample.feeds)


class CalibrationSample:
    """Feeds at even distances: if they become too many, every second is dropped, then and later."""

    def __init__(self, limit: int, max_bytes: int = MAX_BYTES) -> None:
        self.feeds: list[Feed] = []
        self._limit, self._max_bytes = limit, max_bytes
        self._seen = 0
        self._every = 1

    def take(self, feed: Mapping[str, Any]) -> None:
        """Keep a copy of a feed, or not."""
        number, self._seen = self._seen, self._seen + 1
        if number % self._every:
            return
        self.feeds.append({name: np.array(value) for name, value in feed.items()})
        while len(self.feeds) > self._limit or (self._bytes > self._max_bytes and len(self.feeds) > 1):
            self.feeds = self.feeds[::2]
            self._every *= 2

    @property
    def _bytes(self) -> int:
        return sum(value.nbytes for feed in self.feeds for value in feed.values())


@dataclass(frozen=True)
class RecordingRuntime(Runtime):
    """Opens sessions as the product does, and records what that of one file is given."""

    path: Path = Path()
    sample: CalibrationSample = field(default_factory=lambda: CalibrationSample(LIMIT), compare=False)

    def session(self, model: Path, **shared: Any) -> Any:  # noqa: ANN401 - stands for ONNX Runtime's class
        """See `Runtime.session`."""
        session = super().session(model, **shared)
        return RecordingSession(session, self.sample) if model == self.path else session


class RecordingSession:
    """A session whose runs are recorded."""

    def __init__(self, session: Any, sample: CalibrationSample) -> None:  # noqa: ANN401
        self._session, self._sample = session, sample

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._session, name)

    def run(self, names: Any, feed: Mapping[str, Any], *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        """See ONNX Runtime."""
        self._sample.take(feed)
        return self._session.run(names, feed, *rest, **more)

    def run_with_ort_values(self, names: Any, feed: Mapping[str, Any], *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        """See ONNX Runtime."""
        self._sample.take({name: value.numpy() for name, value in feed.items()})
        return self._session.run_with_ort_values(names, feed, *rest, **more)
