"""Whisper from CTranslate2's model.bin to ONNX as `importers.whisper` lays it out, with the weights as they are.

They stay in half precision in the files, so nothing is lost: quantized models are made from this and compared with it.
"""

from functools import partial

from edge_assistant_quantize.importers.whisper import INPUTS, WhisperGraph, convert_as

__all__ = ["INPUTS", "convert"]

convert = partial(convert_as, WhisperGraph)
