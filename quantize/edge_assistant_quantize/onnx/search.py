"""Quantize to accept: leave the worst nodes as they are until the model is accepted, and no more of them.

Nodes are ranked by `sensitivity`. Doubling and bisection find how many of the worst have to stay, as if more excluded
nodes were never worse; then those of them that hurt least are quantized again, one by one, if the model is still
accepted. Of all accepted tries the smallest file is taken. onnxruntime and optimum have no such search.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import sensitivity
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import check_options
from edge_assistant_quantize.onnx.quantize import prepared, quantize
from edge_assistant_quantize.progress import ProgressStep, Watch
from edge_assistant_quantize.record import Layer

FILE = "tries.json"
TRIES = 12  # at most; bisection over 100 nodes needs 7 or 8


class Try(msgspec.Struct, frozen=True):
    """One form that was looked at."""

    excluded: list[str]  # the nodes that were left as they are
    bytes: int  # size of the file
    accepted: bool  # whether it was


class _State(msgspec.Struct):
    """The state of a search: a digest of its inputs, options with the measured ranges, the ranking, the tries."""

    of: str
    options: dict[str, Any] = {}
    layers: list[Layer] = []
    tries: list[Try] = []


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search."""

    excluded: tuple[str, ...]  # nodes left as they are in the form that was taken
    tries: tuple[Try, ...]  # all forms that were tried, in order
    accepted: bool  # whether one was accepted; if not, nothing was written
    layers: tuple[Layer, ...] = ()  # the ranking; empty if the model was accepted with every node quantized
    # Of the method with its measurements, see `quantize.prepared`
    options: Mapping[str, object] = field(default_factory=dict)


def quantize_to_accept(
    model: Path,
    output: Path,
    method: str,
    *,
    calibration: Calibration | None,
    accepts: Callable[[Path], bool],
    most: int,
    threads: int,
    watch: Watch,
    options: Mapping[str, object] = {},
    folder: Path | None = None,
    tries: int = TRIES,
) -> SearchResult:
    """Quantize a model as far as it is accepted; `output` is written only if a form is.

    At most `tries` forms are tried, with up to `most` nodes left as they are; `accepts` decides over a file, which is
    removed afterwards. The state is in `tries.json` of `folder`, which must exist, so that an interrupted search
    resumes. The other arguments are those of `quantize`.

    Raises:
        EdgeAssistantError: see `quantize` and `sensitivity.rank`.
    """
    if tries < 1 or most < 0:
        raise UsageError("a search needs at least one try", "give more tries")
    checked = check_options(method, options)
    state = _read(folder, _digest(model, method, checked, calibration))
    how = {"calibration": calibration, "threads": threads, "watch": watch}
    search = _Search(model, method, checked, how, accepts, state, folder, tries)
    taken = search.run(most)
    if taken is not None:
        search.make(taken.excluded, output)
    excluded = tuple(taken.excluded) if taken else ()
    return SearchResult(excluded, tuple(state.tries), taken is not None, tuple(state.layers), search.options)


@dataclass(slots=True)
class _Search:
    """One search: the arguments of `quantize_to_accept`, its state, and the tries that were asked for."""

    model: Path
    method: str
    checked: Mapping[str, object]
    how: Mapping[str, Any]
    accepts: Callable[[Path], bool]
    state: _State
    folder: Path | None
    most_tries: int
    asked: dict[frozenset[str], Try] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the method, measured once."""
        if not self.state.options:
            self.state.options = prepared(self.model, self.method, self.checked, **self.how)
            self._write()
        return self.state.options

    def make(self, excluded: Sequence[str], path: Path) -> None:
        """Quantize all nodes but these."""
        quantize(self.model, path, self.method, exclude=excluded, options=self.options, **self.how)

    def _ranked(self) -> list[str]:
        """The nodes, worst first; ranked once."""
        if not self.state.layers:
            self.state.layers = sensitivity.rank(self.model, self.method, options=self.options, **self.how)
            self._write()
        return [layer.node for layer in self.state.layers]

    def _write(self) -> None:
        if self.folder is not None:
            hint = "free some space, or name another folder"
            with atomic.storing(FILE, hint), atomic.writing(self.folder / FILE) as file:
                file.write(msgspec.json.format(msgspec.json.encode(self.state), indent=1) + b"\n")

    def run(self, most: int) -> Try | None:
        """The smallest accepted form, or None."""
        if not self._accepts(()) and most:
            self._bisect(self._ranked()[:-1][:most])  # something has to be quantized
            self._refine(self._ranked())
        return min(self._accepted, key=lambda each: (each.bytes, len(each.excluded), each.excluded), default=None)

    @property
    def _accepted(self) -> list[Try]:
        return [each for each in self.asked.values() if each.accepted]

    def _accepts(self, excluded: Sequence[str]) -> bool:
        return self._try(excluded).accepted

    def _try(self, excluded: Sequence[str]) -> Try:
        """Try one form, unless its result is known."""
        wanted = frozenset(excluded)
        if wanted not in self.asked:
            known = next((each for each in self.state.tries if frozenset(each.excluded) == wanted), None)
            self.asked[wanted] = known or self._made(excluded)
        return self.asked[wanted]

    def _made(self, excluded: Sequence[str]) -> Try:
        self.how["watch"](ProgressStep("tries", len(self.asked), self.most_tries))
        with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
            path = Path(folder) / "model.onnx"
            self.make(excluded, path)
            found = Try(list(excluded), path.stat().st_size, bool(self.accepts(path)))
        self.state.tries.append(found)
        self._write()
        return found

    @property
    def _left(self) -> bool:
        return len(self.asked) < self.most_tries

    def _bisect(self, worst: Sequence[str]) -> None:
        """Find how many of the worst have to stay."""
        low, high = 0, 1  # `low` is not accepted
        while self._left and not self._accepts(worst[:high]):
            if high >= len(worst):
                return  # not even with all of them excluded
            low, high = high, min(2 * high, len(worst))
        while self._left and high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._accepts(worst[:middle]) else (middle, high)

    def _refine(self, order: Sequence[str]) -> None:
        """Quantize again, one by one, what is excluded: that which hurts least first."""
        if not self._accepted:
            return
        best = min(self._accepted, key=lambda each: each.bytes)
        for node in [name for name in reversed(order) if name in best.excluded]:
            fewer = [name for name in best.excluded if name != node]
            if not self._left:
                return
            if fewer and (found := self._try(fewer)).accepted and found.bytes <= best.bytes:
                best = found


def _digest(model: Path, method: str, options: Mapping[str, object], calibration: Calibration | None) -> str:
    """A digest of all inputs of the tries, except of who accepts them."""
    digest = hashlib.sha256(f"{sha256_of(model)} {method} {sorted(options.items())!r}".encode())
    if calibration is not None:
        digest.update(calibration.digest().encode())
    return digest.hexdigest()


def _read(folder: Path | None, of: str) -> _State:
    """The state of an earlier search; an empty one if it was of something else."""
    try:
        state = msgspec.json.decode((folder / FILE).read_bytes(), type=_State) if folder else _State(of)
    except (OSError, msgspec.DecodeError):
        return _State(of)
    return state if state.of == of else _State(of)
