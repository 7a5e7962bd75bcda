"""The feeds of an ONNX file in use, recorded while the product's own sense runs over calibration data.

So a model is calibrated on what it will see: the product's own resampling, letterbox, cuts of lines and tokens; and a
decoder on what it was fed at each step. onnxruntime's `CalibrationDataReader` is no more than an interface for such
feeds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import senses
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore

if TYPE_CHECKING:
    import onnx

Feed = Mapping[str, "NDArray[Any]"]  # of one run, by input

LIMIT = 128  # feeds; https://arxiv.org/abs/2004.09602 finds 100 to 1,000 images enough
MAX_BYTES = 1 << 30  # of feeds that are kept
_AT_ONCE = 48  # values that are held at a time


@dataclass(frozen=True, slots=True)
class Calibration:
    """Feeds of a graph, and how it is run over them."""

    feeds: Sequence[Feed]  # one for each run
    threads: int = 1  # of each run
    watch: Watch = ignore  # receives each run

    def values(self, model: onnx.ModelProto, names: Sequence[str], what: str) -> Iterator[tuple[str, Any]]:
        """Run a model; of each run the values of these names, inputs among them, with their names.

        Values that are outputs keep ONNX Runtime from fusing the nodes around them, which changes the last digits only.

        Args:
            model: that computes the values.
            names: of the values.
            what: the work, for the watch.

        Raises:
            CalibrationInvalid: there are no feeds, or the graph does not take them.
            QuantizationFailed: ONNX Runtime cannot run it.
        """
        from onnx import ModelProto, ValueInfoProto

        if not self.feeds:
            raise CalibrationInvalid("there is nothing to run the model over", "give calibration data")
        shown = ModelProto()
        shown.CopyFrom(model)
        del shown.graph.output[:]
        shown.graph.output.extend(ValueInfoProto(name=name) for name in names)
        with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(shown.SerializeToString())
            session = graphs.opened(path, "the model", self.threads)
        groups = [names[begin : begin + _AT_ONCE] for begin in range(0, len(names), _AT_ONCE)]
        total = len(self.feeds) * len(groups)
        for number, (feed, group) in enumerate(product(self.feeds, groups)):
            self.watch(ProgressStep(what, number, total))
            try:
                given = session.run(group, dict(feed))
            except Exception as error:  # ONNX Runtime raises classes of its own, which derive from Exception directly
                if not (type(error).__module__.startswith("onnxruntime") or isinstance(error, ValueError)):
                    raise
                said = f"the model does not take this data ({str(error).splitlines()[0][:200]})"
                raise CalibrationInvalid(said, "give data of its kind") from error
            yield from zip(group, given, strict=True)
        self.watch(ProgressStep(what, total, total))


def record(candidate: Candidate, key: str, data: Mapping[str, object], *, threads: int, watch: Watch) -> Calibration:
    """Record the feeds of a file of a model, such as `decoder`, over data; beyond `LIMIT` those at even distances.

    Raises:
        UsageError: the model has no such ONNX file, or no sense runs it.
        InputMissing: the data is not there.
        CalibrationInvalid: the data is of another kind, or the file was not run over it.
    """
    path = candidate.paths.get(key)
    if path is None or path.suffix.lower() != ".onnx":
        named = ", ".join(key for key, path in candidate.paths.items() if path.suffix.lower() == ".onnx")
        raise UsageError(f"{candidate.name} has no ONNX file '{key}'", f"it has {named or 'none'}")
    sample = CalibrationSample()
    with candidate.held() as (model, _):
        runtime = RecordingRuntime(threads, path=model.files[key], sample=sample)
        for _ in senses.perceive(model, candidate.role, data, runtime, watch):
            pass
    if not sample.feeds:
        said = f"the sense for {candidate.role} did not run {path.name} over this data"
        raise CalibrationInvalid(said, "give data in which there is something for it to do")
    return Calibration(sample.feeds, threads, watch)


class CalibrationSample:
    """Feeds at even distances: if they become too many, every second is dropped, then and later."""

    def __init__(self, limit: int = LIMIT, max_bytes: int = MAX_BYTES) -> None:
        self.feeds: list[Feed] = []
        self._limit, self._max_bytes = limit, max_bytes
        self._seen = 0
        self._every = 1

    def take(self, feed: Mapping[str, Any]) -> None:
        """Keep a copy of a feed, or not."""
        number, self._seen = self._seen, self._seen + 1
        if number % self._every:
            return
        arrays = {name: value.numpy() if hasattr(value, "numpy") else value for name, value in feed.items()}
        self.feeds.append({name: np.array(value) for name, value in arrays.items()})
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
    sample: CalibrationSample = field(default_factory=CalibrationSample, compare=False)

    def session(self, model: Path, **shared: Any) -> Any:  # noqa: ANN401 - stands for ONNX Runtime's class
        """See `Runtime.session`."""
        session = super().session(model, **shared)
        for name in ("run", "run_with_ort_values") if model == self.path else ():
            setattr(session, name, partial(self._recorded, getattr(session, name)))
        return session

    def _recorded(self, run: Callable[..., Any], names: Any, feed: Feed, *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        self.sample.take(feed)
        return run(names, feed, *rest, **more)
