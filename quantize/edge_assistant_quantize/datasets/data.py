"""The data of a recipe or a command line: a table, and what it gives a model of a role to look at, item by item.

| role | table | an item |
| --- | --- | --- |
| speech, vad | `path`: a folder of *.wav with *.txt beside, or of scenarios whose signals have `said` | a recording |
| writing | `count` pages rendered from `seed` (0) on; or `path`: a folder of pictures | a seed; a picture |
| detector, classifier, faces | `path`: a folder of pictures; those of its labels.json, where it has one | a picture |
| embedder, voice | `path`: a text file, one text a line; or `examples = true`: those of the product | a text |

`limit` takes the first items only. labels.json says what a person marked: it maps a picture's file name to `size`
[w, h] and `objects`, each with `label` (a COCO name) and `box` [x, y, w, h] in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.signals import Kind, by_name, printable, take_file
from edge_assistant_models import toml
from edge_assistant_models.schema import is_inside
from edge_assistant_quantize import decoding
from edge_assistant_quantize.datasets import contents
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing

Data: TypeAlias = Mapping[str, object]
Box = tuple[float, float, float, float]

CLEAR = 0.01  # of the picture: labels whose objects all have this share, and are few, are those that people count
_FORM = "see docs/quantize.md for its form"
_TEXTS, _RECORDINGS = frozenset({"embedder", "voice"}), frozenset({"speech", "vad"})  # roles


@dataclass(frozen=True, slots=True)
class Labelled:
    """An object that a person marked: COCO label and box x, y, width, height in pixels."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class LabelledRecording:
    """A recording and the words in it."""

    path: Path
    said: str


class _Picture(msgspec.Struct):
    objects: list[Labelled]


class _Signal(msgspec.Struct):
    file: str
    said: str | None = None


class _Scenario(msgspec.Struct):
    signals: list[_Signal] = []


def items(role: str, data: Data) -> dict[str, Any]:
    """The items of data for a role by their names, in their order.

    Raises:
        CalibrationInvalid: there are none, or they are of another kind.
        InputError: the data is not there, or cannot be read; or a picture that its labels.json names is not there.
    """
    try:
        found = _found(role, data)
    except UnicodeDecodeError as error:
        raise CalibrationInvalid(f"the data is not text in UTF-8 ({error.reason})", _FORM) from None
    if not (kept := dict(islice(found.items(), number_of(data, "limit")))):
        wanted = "texts" if role in _TEXTS else "recordings with their words" if role in _RECORDINGS else "pictures"
        raise CalibrationInvalid(f"the data holds no {wanted} for the role {role}", _FORM)
    if missing := [name for name, item in kept.items() if isinstance(item, Path) and not item.is_file()]:
        raise InputMissing(f"{printable(missing[0])} does not exist", "put it there, or correct labels.json")
    return kept


def _found(role: str, data: Data) -> Mapping[str, Any]:
    if role in _TEXTS:
        return {f"text {number}": text for number, text in enumerate(_texts(data), 1)}
    if role == "writing" and "path" not in data:
        seed = number_of(data, "seed") or 0
        return {f"page {each}": each for each in range(seed, seed + (number_of(data, "count") or 0))}
    folder = folder_of(data)
    if role in _RECORDINGS:
        return {spoken.path.relative_to(folder).as_posix(): spoken for spoken in corpus(folder)}
    named = labels_of(folder) or sorted(path.name for path in folder.iterdir() if by_name(path) is Kind.IMAGE)
    return {name: folder / name for name in named}


def sums(role: str, data: Data) -> dict[str, str]:
    """The sum of what is in each item by its name; a rendered page, which is no file, has its name.

    Raises:
        CalibrationInvalid, InputError: see `items`.
    """

    def of(name: str, item: Any) -> str:  # noqa: ANN401 - an item of any kind
        if isinstance(item, str):
            return contents.of_text(item)  # an embedder reads neither case nor spaces
        if isinstance(item, LabelledRecording):
            return contents.of_file(Kind.AUDIO, item.path)
        pages = None if role == "writing" else 1
        return contents.of_file(Kind.IMAGE, item, pages=pages) if isinstance(item, Path) else name

    return {name: of(name, item) for name, item in items(role, data).items()}


def clusters(role: str, data: Data, names: Iterable[str]) -> tuple[str, ...]:
    """For each result the sum of what it comes from, so that equal content counts once; rendered pages stand alone."""
    if "path" not in data:
        return ()
    found = sums(role, data)  # parts and pages of a picture have its name before a `#`
    return tuple(found[name] if name in found else found[name.partition("#")[0]] for name in names)


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


def number_of(data: Data, key: str) -> int | None:
    """A whole number of the data, from 0 on; None where it is not given.

    Raises:
        CalibrationInvalid: it is none.
    """
    value = data.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise CalibrationInvalid(f"'{key}' of the data is not a whole number", "give a number from 0 on")


def labels_of(folder: Path) -> dict[str, list[Labelled]]:
    """The labelled objects of a folder by the picture's name; none where it has no labels.json.

    Raises:
        InputCorrupt: it is not of the form above, or names no picture.
    """
    file = folder / "labels.json"
    if not file.is_file():
        return {}
    try:
        document = msgspec.json.decode(file.read_bytes(), type=dict[str, _Picture])
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise InputCorrupt(f"labels.json is not of the expected form ({error})", "see the docs of bench") from None
    labels = {name: picture.objects for name, picture in document.items() if Path(name).name == name}
    if not labels:
        raise InputCorrupt("labels.json names no picture", "give a folder of pictures with labels.json")
    return labels


def corpus(folder: Path) -> list[LabelledRecording]:
    """The recordings of a folder whose words are known, in the order of their names.

    Raises:
        InputCorrupt: a scenario among them is malformed, or a recording of it is outside its folder.
        UnicodeDecodeError: words are not UTF-8.
    """
    found = [
        LabelledRecording(path.with_suffix(".wav"), path.read_text("utf-8")) for path in sorted(folder.glob("*.txt"))
    ]
    for path in sorted(folder.glob("*/scenario.toml")):
        try:
            signals = decoding.convert(toml.parse(decoding.content(path)), _Scenario).signals
            said = [one for one in signals if one.said is not None]
            if outside := [one.file for one in said if not is_inside(one.file)]:
                raise ValueError(f"a recording is outside the folder: {outside[0]!r}")
        except ValueError as error:
            raise InputCorrupt(f"{path.parent.name}/{path.name} is malformed: {error}", "correct it") from None
        found += [LabelledRecording(path.parent / one.file, one.said or "") for one in said]
    return [spoken for spoken in found if spoken.path.is_file()]


def _texts(data: Data) -> list[str]:
    if data.get("examples") is True:
        from edge_assistant.reasoning.talk import example_texts

        return list(example_texts())
    lines = take_file(path_of(data), Kind.TEXT, 1).read().decode("utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]
