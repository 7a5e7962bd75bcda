"""What is ordered of the process that exports, and what it says: a line of JSON each, known by its first character."""

from __future__ import annotations

from typing import Literal

import msgspec

MARK = "\x1e"  # ASCII's record separator: no library prints it

Part = Literal["vision", "decoder"]
Layout = Literal["product", "optimum"]


class Order(msgspec.Struct, frozen=True):
    """What is to be exported.

    Attributes:
        folder: config.json, tokenizer and *.safetensors.
        output: an existing, empty folder.
        task: by optimum's name; None for what the architecture was made for.
        part: of a vision-language model or a pair of encoders; None for all that there is.
        opset: of ONNX; None for what optimum takes for the architecture.
        threads: cores to keep to.
    """

    folder: str
    output: str
    task: str | None
    part: Part | None
    opset: int | None
    threads: int


class Stage(msgspec.Struct, frozen=True, tag="stage"):
    """A stage begins, or has ended."""

    what: str
    ended: bool


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is exported.

    Attributes:
        task: by optimum's name.
        architecture: the class of transformers.
        opset: of the files.
        files: names of the ONNX files.
        role: what the product's senses can take it for as it is; empty where that is nothing.
        deviations: by file and output, the largest difference between the graph and the model on the same inputs, as
            a share of the output's largest value.
        versions: of the libraries that took part.
        note: what else is to be said.
    """

    task: str
    architecture: str
    opset: int
    files: list[str]
    role: str
    deviations: dict[str, dict[str, float]]
    versions: dict[str, str]
    note: str = ""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It is not exported: a class of `edge_assistant_quantize.errors`, its message and its hint."""

    kind: str
    message: str
    hint: str


Said = Stage | Done | Refused


def line(said: Said) -> str:
    """As the process prints it."""
    return MARK + msgspec.json.encode(said).decode()


def heard(printed: str) -> Said | None:
    """What a printed line says; None where a library printed it.

    Raises:
        msgspec.DecodeError: it has our mark and says nothing.
    """
    if not printed.startswith(MARK):
        return None
    said: Said = msgspec.json.decode(printed[len(MARK) :], type=Said)
    return said
