"""A model over data through the product's own sense: what metrics compare and what calibration records.

So a model is measured, and calibrated, on what the product gives it: its own resampling, letterbox, cuts of lines and
tokens. What the data is, by role, in the table `data` of a recipe:

| role | data | what the sense gives of an item |
| --- | --- | --- |
| speech | `path`: recordings *.wav with *.txt beside, or scenarios; `language` ("en") | the words, as one text |
| vad | the same | the chunks with speech in them, each as (first sample, regions) |
| writing | `count` pages rendered from `seed` (0) on; or `path`: a folder of pictures | an `UprightPage` |
| detector | `path`: a folder of photographs, with or without labels.json | `Viewed` |
| classifier | the same; where there are labels, each labelled object is an item too | probabilities f32 [1000] |
| faces | `path`: a folder of photographs | `perception.detectors.Face`s |
| embedder | `path`: a text file, one text a line; or `examples = true`: those of the product | unit vector f32 [n] |

`limit` takes the first recordings, pages, photographs or texts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputError
from edge_assistant.core.signals import Kind, by_name, printable, take_file
from edge_assistant.perception import pictures
from edge_assistant.perception.page import Page
from edge_assistant.perception.sense import Request
from edge_assistant.perception.senses.objects import MARGIN, Seen, around, see
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets import contents
from edge_assistant_quantize.datasets.labels import CLEAR, Labelled, read_labels
from edge_assistant_quantize.datasets.recordings import LabelledRecording, corpus
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing, QuantizationFailed, UsageError
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VAD = "silero-vad"  # of the catalog; it finds where somebody speaks, whatever speech model is measured

_AT_ONCE = 256  # examples, which the embedder takes in batches of texts of one length

Data: TypeAlias = Mapping[str, object]
Items: TypeAlias = Iterator[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Viewed:
    """A photograph through the detector.

    Attributes:
        seen: what was found, and what is only suspected.
        pixels: of the photograph.
    """

    seen: Seen
    pixels: int


# Recordings, pages, photographs or texts, and what gives the items of one of these
_Work: TypeAlias = tuple[Sequence[Any], Callable[[Any], Items]]


def perceive(model: InstalledModel, role: str, data: Data, runtime: Runtime, watch: Watch) -> Items:
    """Run a model over data as the product runs it.

    Args:
        model: whose files the sense opens, by `runtime.session`.
        role: of the model.
        data: see above.
        runtime: opens the sessions.
        watch: is told after each recording, page, photograph or text.

    Returns:
        The name of each item, and what the sense gave of it, one after another.

    Raises:
        UsageError: no sense runs models of this role over data.
        InputMissing: the data is not there.
        CalibrationInvalid: the data is of another kind, or a file of it cannot be used.
        ModelError: a model is missing or cannot be loaded.
        QuantizationFailed: ONNX Runtime cannot run the model.
    """
    if role not in _ROLES:
        raise UsageError(f"no sense runs a model of role '{role}' over data", f"there are {', '.join(_ROLES)}")
    with _as_calibration():
        work = _ROLES[role](model, data, runtime)
    if not work[0]:
        raise CalibrationInvalid(f"the data for {role} holds nothing", "see docs/quantize.md for its form")
    return _run(work, model.name, watch)


def _run(work: _Work, name: str, watch: Watch) -> Items:
    """The items; that a damaged model computes what is no number shows in them, and need not be printed."""
    import numpy as np

    sources, each = work
    what, total = f"{name} over data", len(sources)
    watch(ProgressStep(what, 0, total))
    for number, source in enumerate(sources, 1):
        with _as_calibration(), runnable(name), np.errstate(all="ignore"):
            found = list(each(source))
        yield from found
        watch(ProgressStep(what, number, total))


@contextmanager
def _as_calibration() -> Iterator[None]:
    """Say of data that cannot be used that it cannot; a path that leads nowhere stays one."""
    try:
        yield
    except InputMissing:
        raise
    except InputError as error:
        raise CalibrationInvalid(error.message, error.hint) from None


@contextmanager
def runnable(name: str) -> Iterator[None]:
    """ONNX Runtime raises classes of its own where a graph loads and cannot be run."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        reason = str(error).splitlines()[0][:200]
        raise QuantizationFailed(f"{name} cannot be run ({reason})", "quantize it in another way") from error


def _speech(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    from edge_assistant.perception.senses.speech import SpeechSense

    folder, language = folder_of(data), str(data.get("language", "en"))
    sense = SpeechSense({"speech": model, "vad": Portfolio().open(VAD)}, runtime)

    def hear(spoken: LabelledRecording) -> Items:
        percept = sense.perceive(take_file(spoken.path, Kind.AUDIO, 1), Request(language=language))
        yield name_of(spoken, folder), " ".join(piece.text for piece in percept.evidence)

    return recordings(data), hear


def _vad(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    from edge_assistant.perception.audio import listen
    from edge_assistant.perception.vad import SileroVad, chunks

    folder = folder_of(data)
    vad = SileroVad(runtime.session(next(iter(model.files.values())), threads=1))

    def hear(spoken: LabelledRecording) -> Items:
        with listen(take_file(spoken.path, Kind.AUDIO, 1)) as (_, blocks):
            yield name_of(spoken, folder), [(chunk.start, chunk.regions) for chunk in chunks(blocks, vad)]

    return recordings(data), hear


def _writing(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    from edge_assistant.perception.senses.writing import Writing

    sense = Writing({"writing": model}, runtime)

    def read(source: tuple[str, Callable[[], Iterator[Page]]]) -> Items:
        name, opened = source
        for page in opened():
            yield name if page.number in {None, 1} else f"{name}#{page.number}", sense.sheet(page)

    if "path" in data:
        return [(path.name, lambda path=path: _pages(path)) for path in photographs(data)], read
    return [(f"page {seed}", lambda seed=seed: _rendered(seed)) for seed in seeds(data)], read


def _detector(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    from edge_assistant.perception.detectors import open_detector

    detector = open_detector(model, runtime)
    return _looked(data, lambda rgb: Viewed(see(rgb, detector, None), rgb.shape[0] * rgb.shape[1]))


def _classifier(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    """Of labelled objects that are at least `CLEAR` of the picture, the part that the product shows the classifier."""
    from edge_assistant.perception.classifier import Classifier

    classifier = Classifier(model, runtime)
    labels = labels_of(data)

    def look(path: Path) -> Items:
        rgb = _first(path)
        yield path.name, classifier.probabilities(rgb)
        for number, item in enumerate(labels.get(path.name, ()), 1):
            if item.box[2] * item.box[3] >= CLEAR * rgb.shape[0] * rgb.shape[1]:
                part = around(item.box, rgb, MARGIN)
                yield f"{path.name}#{number} {item.label}", classifier.probabilities(part)

    return photographs(data), look


def _faces(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    from edge_assistant.perception.detectors import Faces

    return _looked(data, Faces(model, runtime).find)


def _looked(data: Data, see: Callable[[NDArray[np.uint8]], object]) -> _Work:
    """Each photograph through a function of its pixels."""
    return photographs(data), lambda path: iter([(path.name, see(_first(path)))])


def _embedder(model: InstalledModel, data: Data, runtime: Runtime) -> _Work:
    """As in the product: what a person says is embedded alone, the examples many at once."""
    from edge_assistant.language.embedder import Embedder

    embedder = Embedder(model, runtime)
    given = texts(data)
    at_once = _AT_ONCE if data.get("examples") is True else 1

    def read(start: int) -> Items:
        vectors = embedder.embed(given[start : start + at_once])
        for number, vector in enumerate(vectors, start + 1):
            yield f"text {number}", vector

    return range(0, len(given), at_once), read


_ROLES: Mapping[str, Callable[[InstalledModel, Data, Runtime], _Work]] = {
    "speech": _speech,
    "vad": _vad,
    "writing": _writing,
    "detector": _detector,
    "classifier": _classifier,
    "faces": _faces,
    "embedder": _embedder,
}


ROLES = frozenset(_ROLES)


def clusters(role: str, data: Data, items: Iterable[str]) -> tuple[str, ...]:
    """For each item the sum of what it comes from, so that equal content counts once; rendered pages stand alone."""
    if "path" not in data:
        return ()
    sums = sources(role, data)  # parts and pages of a picture have its name before a `#`
    return tuple(sums[item] if item in sums else sums[item.partition("#")[0]] for item in items)


def sources(role: str, data: Data) -> dict[str, str]:
    """The sum of each recording, photograph or text by its name; a rendered page, which is no file, has its name.

    Raises:
        CalibrationInvalid, InputMissing: see `perceive`.
    """
    if role in {"embedder", "voice"}:  # an embedder reads neither case nor spaces
        return {f"text {n}": contents.of_text(text) for n, text in enumerate(texts(data), 1)}
    if role in {"speech", "vad"}:
        folder = folder_of(data)
        return {name_of(spoken, folder): contents.of_file(Kind.AUDIO, spoken.path) for spoken in recordings(data)}
    if role == "writing" and "path" not in data:
        return {f"page {seed}": f"page {seed}" for seed in seeds(data)}
    pages = None if role == "writing" else 1  # only writing looks at more than the first page
    return {path.name: contents.of_file(Kind.IMAGE, path, pages=pages) for path in photographs(data)}


def path_of(data: Data) -> Path:
    """The path that data names.

    Raises:
        CalibrationInvalid: it names none.
        InputMissing: there is nothing.
    """
    named = data.get("path")
    if not isinstance(named, str | Path) or not str(named):
        raise CalibrationInvalid("the data has no 'path'", "name the folder or file to measure on")
    path = Path(named)
    if not path.exists():
        raise InputMissing(f"{printable(path.name)} does not exist", "check the path of the data")
    return path


def state_of(data: Data) -> dict[str, object]:
    """Data as it is now: its table, and size and time of change of the path and of each file in it."""
    if "path" not in data:
        return dict(data)
    path = path_of(data)
    files = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
    return {**data, "files": [(str(each), (s := each.stat()).st_size, s.st_mtime_ns) for each in files]}


def folder_of(data: Data) -> Path:
    """The folder that data names.

    Raises:
        CalibrationInvalid: it names none, or no folder.
        InputMissing: there is nothing.
    """
    path = path_of(data)
    if not path.is_dir():
        raise CalibrationInvalid(f"{printable(path.name)} is no folder", "name a folder of what the model takes")
    return path


def number_of(data: Data, key: str, default: int | None = None) -> int | None:
    """A whole number of the data, from 0 on.

    Raises:
        CalibrationInvalid: it is none.
    """
    value = data.get(key, default)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise CalibrationInvalid(f"'{key}' of the data is not a whole number", "give a number from 0 on")


def recordings(data: Data) -> list[LabelledRecording]:
    """The recordings of a folder, with their words.

    Raises:
        CalibrationInvalid, InputMissing: there are none.
    """
    folder = folder_of(data)
    try:
        return corpus(folder)[: number_of(data, "limit")]
    except UsageError as error:
        raise CalibrationInvalid(error.message, error.hint) from None
    except (ValueError, KeyError) as error:  # words that are not UTF-8, a scenario that is not TOML
        reason = f"{printable(folder.name)} holds words that cannot be read ({error})"
        raise CalibrationInvalid(reason, "give a folder of *.wav with *.txt") from None


def name_of(spoken: LabelledRecording, folder: Path) -> str:
    """What a recording is called among the items."""
    return spoken.path.relative_to(folder).as_posix()


def seeds(data: Data) -> range:
    """The seeds of the pages to render.

    Raises:
        CalibrationInvalid: the data says neither how many nor where pictures lie.
    """
    count, seed = number_of(data, "count"), number_of(data, "seed", 0) or 0
    if count is None:
        hint = "give 'count' and 'seed' of pages to render, or the 'path' of a folder of pictures"
        raise CalibrationInvalid("the data says no pages to read", hint)
    limit = number_of(data, "limit")
    return range(seed, seed + (count if limit is None else min(limit, count)))


def photographs(data: Data) -> list[Path]:
    """The pictures of a folder: those that its labels.json names, else all.

    Raises:
        CalibrationInvalid, InputMissing: there are none.
    """
    folder = folder_of(data)
    labels = labels_of(data)
    found = [folder / name for name in labels] or [p for p in sorted(folder.iterdir()) if by_name(p) is Kind.IMAGE]
    if not found:
        raise CalibrationInvalid(f"{printable(folder.name)} holds no pictures", "name a folder of photographs")
    return found[: number_of(data, "limit")]


def labels_of(data: Data) -> dict[str, list[Labelled]]:
    """The labelled objects of a folder by the picture's name; none where it has no labels.json.

    Raises:
        CalibrationInvalid, InputMissing: it is malformed, or there is no folder.
    """
    folder = folder_of(data)
    if not (folder / "labels.json").exists():
        return {}
    with _as_calibration():
        return read_labels(folder)


def texts(data: Data) -> list[str]:
    """The texts of a file, one a line, or the product's examples.

    Raises:
        CalibrationInvalid, InputMissing: there are none.
    """
    limit = number_of(data, "limit")
    if data.get("examples") is True:
        from edge_assistant.reasoning.talk import example_texts

        return list(example_texts())[:limit]
    path = path_of(data)
    try:
        lines = take_file(path, Kind.TEXT, 1).read().decode("utf-8-sig").splitlines()
    except (InputError, UnicodeDecodeError):
        hint = "give a UTF-8 file with one text a line"
        raise CalibrationInvalid(f"{printable(path.name)} is not text", hint) from None
    return [line.strip() for line in lines if line.strip()][:limit]


def _rendered(seed: int) -> Iterator[Page]:
    import numpy as np

    from edge_assistant_quantize.datasets import pages, paper  # with Pillow, which a measured peak would include

    pixels = np.asarray(paper.scan_look(pages.sheet(seed).image, seed))
    yield Page(None, pixels, (pixels.shape[1], pixels.shape[0]))


def _pages(path: Path) -> Iterator[Page]:
    return pictures.pages(take_file(path, Kind.IMAGE, 1))


def _first(path: Path) -> NDArray[np.uint8]:
    return next(_pages(path)).rgb
