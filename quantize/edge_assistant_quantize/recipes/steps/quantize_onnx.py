"""`do = "quantize"` with a method for ONNX files, such as "static-int8".

exclude                 nodes that are not quantized
exclude_until_accepted  exclude up to so many nodes, the worst first, until the model is accepted
options                 of the method, such as { calibrator = "percentile" }
"""

from __future__ import annotations

import msgspec
from msgspec import field

from edge_assistant_quantize.decoding import Line, Positive
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import calibration, quantize, search
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.recipes.steps.step import FileOptions, Kind, Made, Needs, Work


class QuantizeOnnx(FileOptions, frozen=True, kw_only=True):
    """Another precision for an ONNX file."""

    method: str = field(name="type")
    exclude: tuple[Line, ...] = ()
    most: Positive | None = field(name="exclude_until_accepted", default=None)
    options: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        FileOptions.__post_init__(self)
        if self.exclude and self.most:
            raise ValueError("'exclude' and 'exclude_until_accepted' do not go together")
        try:
            quantize.check_options(self.method, self.options)
        except UsageError as error:
            raise ValueError(f"{error.message} - {error.hint}") from None


def needs(options: QuantizeOnnx) -> Needs:
    """The graph twice, the largest weights in float64, and the session that tries it."""
    searches = options.most is not None
    return Needs(
        label=options.method,
        libraries=("numpy", "onnx", "onnxruntime"),
        calibrates=searches or (options.method in quantize.CALIBRATED and "ranges" not in options.options),
        searches=searches,
        memory=6,
    )


def make(options: QuantizeOnnx, work: Work) -> Made:
    """Quantize one file, in a search if `exclude_until_accepted` is given."""
    given = None
    if needs(options).calibrates:
        assert work.calibration is not None
        model = work.form.candidate()
        given = calibration.record(model, work.key, work.calibration, threads=work.threads, watch=work.watch)
    if options.most is not None:
        return _search(options, work, given, options.most)
    _quantize(options.method, work, given, options.exclude, options.options)
    return Made({work.key: work.output}, excluded=options.exclude)


def _quantize(
    method: str, work: Work, given: Calibration | None, exclude: tuple[str, ...], options: dict[str, object]
) -> None:
    quantize.quantize(
        work.file,
        work.output,
        method,
        calibration=given,
        exclude=exclude,
        options=options,
        threads=work.threads,
        watch=work.watch,
    )


def _search(options: QuantizeOnnx, work: Work, given: Calibration | None, most: int) -> Made:
    """The accepted form; if there is none, the form with the most nodes excluded."""
    found = search.quantize_to_accept(
        work.file,
        work.output,
        options.method,
        calibration=given,
        accepts=work.accepts,
        most=most,
        threads=work.threads,
        watch=work.watch,
        options=options.options,
        folder=work.kept,
    )
    layers = tuple(msgspec.structs.replace(layer, file=work.key) for layer in found.layers)
    tries = f"{len(found.tries)} forms tried" if len(found.tries) > 1 else ""
    if found.accepted:
        return Made({work.key: work.output}, excluded=found.excluded, layers=layers, note=tries)
    excluded = tuple(max(found.tries, key=lambda each: len(each.excluded)).excluded)
    _quantize(options.method, work, given, excluded, dict(found.options))
    note = f"{tries or 'one form tried'}, none accepted"
    return Made({work.key: work.output}, excluded=excluded, layers=layers, note=note)


STEP = Kind("quantize", QuantizeOnnx, make, needs, types=tuple(quantize.METHODS))
