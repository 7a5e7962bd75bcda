"""A model over data through the product's own sense: what metrics compare and what calibration records.

So a model is measured, and calibrated, on what the product gives it: its own resampling, letterbox, cuts of lines and
tokens. `datasets.data` says what the data of a role is. What the sense gives of an item:

| role | of each item |
| --- | --- |
| speech | the words, as one text; `language` of the data ("en") is that of the recordings |
| vad | the chunks with speech in them, each as (first sample, regions) |
| writing | an `UprightPage` of each page |
| detector | `Viewed` |
| classifier | probabilities f32 [1000]; of each labelled object of the picture, too |
| faces | `perception.detectors.Face`s |
| embedder | unit vector f32 [n] |
| voice | the words that speech recognition (`ear` of the data, "whisper-base") hears when the voice says the text |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, Origin, take_bytes, take_file
from edge_assistant.perception import pictures
from edge_assistant.perception.page import Page
from edge_assistant.perception.sense import Request
from edge_assistant.perception.senses.objects import MARGIN, Seen, around, see
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import CLEAR, Data, LabelledRecording, folder_of, items, labels_of
from edge_assistant_quantize.errors import QuantizationFailed, UsageError
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EAR = "whisper-base"  # of the catalog
VAD = "silero-vad"  # of the catalog; it finds where somebody speaks, whatever speech model is measured

Perceived: TypeAlias = Iterator[tuple[str, Any]]
_Look: TypeAlias = Callable[[str, Any], Perceived]  # what gives the results of one item, by its name


class Viewed(NamedTuple):
    """A photograph through the detector."""

    seen: Seen  # what was found, and what is only suspected
    pixels: int  # of the photograph


def perceive(model: InstalledModel, role: str, data: Data, runtime: Runtime, watch: Watch) -> Perceived:
    """Run a model over data as the product runs it.

    Args:
        model: whose files the sense opens, by `runtime.session`.
        role: of the model.
        data: see `datasets.data`.
        runtime: opens the sessions.
        watch: is told after each recording, page, photograph or text.

    Returns:
        The name of each item, and what the sense gave of it, one after another.

    Raises:
        UsageError: no sense runs models of this role over data.
        CalibrationInvalid: the data is of another kind.
        InputError: the data is not there, or a file of it cannot be used.
        ModelError: a model is missing or cannot be loaded.
        QuantizationFailed: ONNX Runtime cannot run the model.
    """
    if role not in _ROLES:
        raise UsageError(f"no sense runs a model of role '{role}' over data", f"there are {', '.join(_ROLES)}")
    look, given = _ROLES[role](model, data, runtime), items(role, data)
    return _run(given, look, model.name, watch)


def _run(given: Mapping[str, Any], look: _Look, name: str, watch: Watch) -> Perceived:
    """The results; that a damaged model computes what is no number shows in them, and need not be printed."""
    import numpy as np

    what = f"{name} over data"
    watch(ProgressStep(what, 0, len(given)))
    for number, item in enumerate(given.items(), 1):
        try:
            with np.errstate(all="ignore"):
                found = list(look(*item))
        except Exception as error:  # ONNX Runtime raises classes of its own where a graph loads and cannot be run
            if not type(error).__module__.startswith("onnxruntime"):
                raise
            reason = str(error).splitlines()[0][:200]
            raise QuantizationFailed(f"{name} cannot be run ({reason})", "quantize it in another way") from error
        yield from found
        watch(ProgressStep(what, number, len(given)))


def _speech(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    from edge_assistant.perception.senses.speech import SpeechSense

    request = Request(language=str(data.get("language", "en")))
    sense = SpeechSense({"speech": model, "vad": Portfolio().open(VAD)}, runtime)

    def hear(name: str, spoken: LabelledRecording) -> Perceived:
        percept = sense.perceive(take_file(spoken.path, Kind.AUDIO, 1), request)
        yield name, " ".join(piece.text for piece in percept.evidence)

    return hear


def _vad(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    from edge_assistant.perception.audio import listen
    from edge_assistant.perception.vad import SileroVad, chunks

    vad = SileroVad(runtime.session(next(iter(model.files.values())), threads=1))

    def hear(name: str, spoken: LabelledRecording) -> Perceived:
        with listen(take_file(spoken.path, Kind.AUDIO, 1)) as (_, blocks):
            yield name, [(chunk.start, chunk.regions) for chunk in chunks(blocks, vad)]

    return hear


def _writing(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    from edge_assistant.perception.senses.writing import Writing

    sense = Writing({"writing": model}, runtime)

    def read(name: str, source: Path | int) -> Perceived:
        for page in [_rendered(source)] if isinstance(source, int) else _pages(source):
            yield name if page.number in {None, 1} else f"{name}#{page.number}", sense.sheet(page)

    return read


def _detector(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    from edge_assistant.perception.detectors import open_detector

    detector = open_detector(model, runtime)
    return _looked(lambda rgb: Viewed(see(rgb, detector, None), rgb.shape[0] * rgb.shape[1]))


def _classifier(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    """Of labelled objects that are at least `CLEAR` of the picture, the part that the product shows the classifier."""
    from edge_assistant.perception.classifier import Classifier

    classifier, labels = Classifier(model, runtime), labels_of(folder_of(data))

    def look(name: str, path: Path) -> Perceived:
        rgb = next(_pages(path)).rgb
        yield name, classifier.probabilities(rgb)
        for number, item in enumerate(labels.get(name, ()), 1):
            if item.box[2] * item.box[3] >= CLEAR * rgb.shape[0] * rgb.shape[1]:
                yield f"{name}#{number} {item.label}", classifier.probabilities(around(item.box, rgb, MARGIN))

    return look


def _faces(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    from edge_assistant.perception.detectors import Faces

    return _looked(Faces(model, runtime).find)


def _looked(see: Callable[[NDArray[np.uint8]], object]) -> _Look:
    """Each photograph through a function of its pixels."""
    return lambda name, path: iter([(name, see(next(_pages(path)).rgb))])


def _embedder(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    from edge_assistant.language.embedder import Embedder

    embedder = Embedder(model, runtime)
    return lambda name, text: iter([(name, embedder.embed([text])[0])])


def _voice(model: InstalledModel, data: Data, runtime: Runtime) -> _Look:
    import numpy as np
    import onnxruntime

    from edge_assistant.devices.microphone import to_wav
    from edge_assistant.perception.senses.speech import SpeechSense
    from edge_assistant.voice.piper import Voice

    roles = {"speech": str(data.get("ear", EAR)), "vad": VAD}
    ear = SpeechSense({role: Portfolio().open(name) for role, name in roles.items()}, runtime)
    onnxruntime.set_seed(0)  # what the network draws is the same for each model
    voice = Voice(model, runtime)

    def speak(name: str, text: str) -> Perceived:
        samples = np.concatenate([np.zeros(voice.rate, np.float32), *voice.speak(text)])
        sound = to_wav(np.nan_to_num(samples), voice.rate)
        signal = take_bytes(sound, Kind.AUDIO, 1, origin=Origin.FILE, name="said.wav")
        yield name, " ".join(piece.text for piece in ear.perceive(signal, Request(language="en")).evidence)

    return speak


_ROLES: Mapping[str, Callable[[InstalledModel, Data, Runtime], _Look]] = {
    "speech": _speech,
    "vad": _vad,
    "writing": _writing,
    "detector": _detector,
    "classifier": _classifier,
    "faces": _faces,
    "embedder": _embedder,
    "voice": _voice,
}
ROLES = frozenset(_ROLES) - {"voice"}  # of models that alone take the time that is measured


def _rendered(seed: int) -> Page:
    import numpy as np

    from edge_assistant_quantize.datasets import pages, paper  # with Pillow, which a measured peak would include

    pixels = np.asarray(paper.scan_look(pages.sheet(seed).image, seed))
    return Page(None, pixels, (pixels.shape[1], pixels.shape[0]))


def _pages(path: Path) -> Iterator[Page]:
    return pictures.pages(take_file(path, Kind.IMAGE, 1))
