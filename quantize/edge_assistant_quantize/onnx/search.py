"""Quantize to accept: leave the worst nodes as they are until the model is accepted, and no more of them.

Nodes are ranked by `sensitivity`. How many of the worst have to stay is found by doubling and bisection, as if more
excluded nodes were never worse; then those of them that save most are quantized again, one by one, where the model is
accepted all the same. Of all accepted tries the smallest file is taken.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import sensitivity
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.quantize import check_options, prepared, quantize
from edge_assistant_quantize.progress import Step, Watch
from edge_assistant_quantize.record import Layer

FILE = "tries.json"
TRIES = 12  # at most; bisection over 100 nodes needs 7 or 8


class Try(msgspec.Struct, frozen=True):
    """One form that was looked at.

    Attributes:
        excluded: the nodes that were left as they are.
        bytes: size of the file.
        accepted: whether it was.
    """

    excluded: list[str]
    bytes: int
    accepted: bool


class _Kept(msgspec.Struct):
    """What is known of one search: by what it was shaped, the method's options with what was measured, and so on."""

    of: str
    options: dict[str, Any] = {}
    layers: list[Layer] = []
    tries: list[Try] = []


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        excluded: nodes left as they are in the form that was taken.
        tries: all forms that were looked at, in order.
        accepted: whether one was accepted; if not, nothing was written.
        layers: the ranking; empty where the model was accepted with every node quantized.
        options: of the method with all that it has measured, see `quantize.prepared`.
    """

    excluded: tuple[str, ...]
    tries: tuple[Try, ...]
    accepted: bool
    layers: tuple[Layer, ...] = ()
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
) -> Found:
    """Quantize a model as far as it is accepted.

    Args:
        model: as `quantize` takes it.
        output: the .onnx file to write; written only where a form is accepted.
        method: one of `quantize.METHODS`.
        calibration: for ranking, and what the method takes from it.
        accepts: decides over a file, which is gone afterwards.
        most: nodes that may be left as they are.
        threads: cores to keep to.
        watch: is told after each try.
        options: of the method.
        folder: keeps what is known in `tries.json`, so that a search that was interrupted goes on; it must exist.
        tries: forms to look at, at most.

    Raises:
        EdgeAssistantError: see `quantize` and `sensitivity.rank`.
    """
    if tries < 1 or most < 0:
        raise UsageError("a search needs at least one try", "give more tries")
    checked = check_options(method, options)
    kept = _read(folder, _shaped(model, method, checked, calibration))

    @cache
    def known() -> dict[str, Any]:
        if not kept.options:
            kept.options = prepared(model, method, checked, calibration, threads=threads, watch=watch)
            _write(folder, kept)
        return kept.options

    def make(excluded: Sequence[str], path: Path) -> None:
        quantize(
            model,
            path,
            method,
            calibration=calibration,
            exclude=excluded,
            options=known(),
            threads=threads,
            watch=watch,
        )

    def ranked() -> list[Layer]:
        if not kept.layers:
            how = {"calibration": calibration, "threads": threads, "watch": watch, "options": known()}
            kept.layers = sensitivity.rank(model, method, **how)  # type: ignore[arg-type]
            _write(folder, kept)
        return kept.layers

    search = _Search(make, accepts, kept, folder, tries, watch)
    taken = search.run(ranked, most)
    if taken is not None:
        make(taken.excluded, output)
    excluded = tuple(taken.excluded) if taken else ()
    return Found(excluded, tuple(kept.tries), taken is not None, tuple(kept.layers), known())


@dataclass(slots=True)
class _Search:
    """One search as it goes on."""

    make: Callable[[Sequence[str], Path], None]
    accepts: Callable[[Path], bool]
    kept: _Kept
    folder: Path | None
    most_tries: int
    watch: Watch
    asked: dict[frozenset[str], Try] = field(default_factory=dict)

    def run(self, ranked: Callable[[], list[Layer]], most: int) -> Try | None:
        """The smallest accepted form, or None."""
        if not self._try(()).accepted and most:
            worst = [layer.node for layer in ranked()][:-1][:most]  # something has to be quantized
            self._bisect(worst)
            self._refine([layer.node for layer in ranked()])
        accepted = [each for each in self.asked.values() if each.accepted]
        return min(accepted, key=lambda each: (each.bytes, len(each.excluded), each.excluded), default=None)

    def _try(self, excluded: Sequence[str]) -> Try:
        """Look at one form, unless it is known already."""
        wanted = frozenset(excluded)
        if wanted not in self.asked:
            known = next((each for each in self.kept.tries if frozenset(each.excluded) == wanted), None)
            self.asked[wanted] = known or self._look(excluded)
        return self.asked[wanted]

    def _look(self, excluded: Sequence[str]) -> Try:
        self.watch(Step("tries", len(self.asked), self.most_tries))
        with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
            path = Path(folder) / "model.onnx"
            self.make(excluded, path)
            found = Try(list(excluded), path.stat().st_size, bool(self.accepts(path)))
        self.kept.tries.append(found)
        _write(self.folder, self.kept)
        return found

    @property
    def _left(self) -> bool:
        return len(self.asked) < self.most_tries

    def _bisect(self, worst: Sequence[str]) -> None:
        """Find how many of the worst have to stay."""
        low, high = 0, 1  # `low` is not accepted
        while self._left and not self._try(worst[:high]).accepted:
            if high >= len(worst):
                return  # not even with all of them excluded
            low, high = high, min(2 * high, len(worst))
        while self._left and high - low > 1:
            middle = (low + high) // 2
            if self._try(worst[:middle]).accepted:
                high = middle
            else:
                low = middle

    def _refine(self, order: Sequence[str]) -> None:
        """Quantize again, one by one, what is excluded: that which hurts least first."""
        accepted = [each for each in self.asked.values() if each.accepted]
        if not accepted:
            return
        best = min(accepted, key=lambda each: each.bytes)
        for node in [name for name in reversed(order) if name in best.excluded]:
            fewer = [name for name in best.excluded if name != node]
            if not self._left:
                return
            if fewer and (found := self._try(fewer)).accepted and found.bytes <= best.bytes:
                best = found


def _shaped(model: Path, method: str, options: Mapping[str, object], calibration: Calibration | None) -> str:
    """A digest of all that shapes the tries, but for who accepts them."""
    digest = hashlib.sha256(f"{sha256_of(model)} {method} {sorted(options.items())!r}".encode())
    if calibration is not None:
        digest.update(calibration.digest().encode())
    return digest.hexdigest()


def _read(folder: Path | None, of: str) -> _Kept:
    """What an earlier search left; nothing where it was of something else."""
    if folder is not None and (folder / FILE).is_file():
        try:
            kept = msgspec.json.decode((folder / FILE).read_bytes(), type=_Kept)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return _Kept(of)
        if kept.of == of:
            return kept
    return _Kept(of)


def _write(folder: Path | None, kept: _Kept) -> None:
    if folder is not None:
        with atomic.storing(FILE, "free some space, or name another folder"), atomic.writing(folder / FILE) as file:
            file.write(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
