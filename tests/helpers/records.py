"""A record of a detector's forms, as a recipe writes it, for tests of what reads records."""

from __future__ import annotations

from msgspec.structs import replace

from edge_assistant_quantize.record import CriterionVerdict, Interval, Layer, Measure, ModelFile, Record, Variant

SUM = "ab" * 32
NOISE = "signal to quantization noise of the output, dB, negated"


def variant(name: str, mebibytes: float, presence: float, *, accepted: bool, **more: object) -> Variant:
    """A form whose presence was measured against the reference's 0.82."""
    difference = presence - 0.82
    within = Interval(difference, difference - 0.03, difference + 0.02, 0.95)
    verdict = CriterionVerdict("presence", presence, 0.82, within, "at most 0.02 worse", accepted)
    made = Variant(
        name,
        "static-int8",
        {"model": ModelFile("model.onnx", int(mebibytes * 2**20), SUM)},
        {"presence": presence},
        [verdict],
        {"median_ms": 13.5, "ratio": 0.5},
        121.0,
    )
    return replace(made, **more)


def record(**more: object) -> Record:
    """Three forms: one that fails, one that is chosen, one that could not be measured."""
    files = {"model": ModelFile("model.onnx", 36 * 2**20, SUM)}
    reference = Variant("f32", "", files, {"presence": 0.82}, speed={"median_ms": 27.0, "ratio": 1.0}, peak_mib=210.0)
    made = Record(
        name="nanodet",
        role="detector",
        recipe='name = "nanodet"\n',
        commands=["edge-quantize run nanodet.toml --output out"],
        versions={"onnxruntime": "1.24.1"},
        machine={"processor": "AMD EPYC", "cores": "2"},
        inputs={"photos/calibrate": SUM},
        reference=reference,
        variants=[
            variant("static int8", 9, 0.74, accepted=False),
            variant("static int8, 1 node left", 9.5, 0.815, accepted=True, excluded=["/head/Conv_1"]),
            Variant("int4", "int4-weights", files, note="not finite: NaN in /head"),
        ],
        layers=[
            Layer("/head/Conv_1", "Conv", "model", -9.0, NOISE),
            Layer("/stem/Conv", "Conv", "model", -31.5, NOISE),
        ],
        chosen="static int8, 1 node left",
        measures={"presence": Measure(lower_is_better=False)},
    )
    return replace(made, **more)
