"""Which files hold weights, by their names: safetensors, which are data, and pickles, which are programs."""

from __future__ import annotations

import re
from collections.abc import Collection

from edge_assistant_quantize.errors import WeightsRefused

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"model-(\d{1,6})-of-(\d{1,6})\.safetensors")
_PICKLED = re.compile(r".*\.(pt|pth|ckpt|pkl|pickle|joblib|bin)", re.IGNORECASE)
_NO_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state.*|random_states.*)\..*", re.IGNORECASE)


def one_set(names: Collection[str]) -> list[str]:
    """The files of one set of weights: parts that have an index, else the whole, else parts.

    >>> one_set(["model.safetensors", "model-00001-of-00001.safetensors"])
    ['model.safetensors']
    """
    parts = sorted(filter(SHARD.fullmatch, names))
    return [WHOLE] if WHOLE in names and not (parts and INDEX in names) else parts


def refuse_pickles(names: Collection[str], where: str) -> None:
    """Say no to weights that are nothing but Python's pickles, reading which can run code.

    Args:
        names: of the files that there are.
        where: they are, for people.

    Raises:
        WeightsRefused: there are pickles among them, and no safetensors.
    """
    pickles = sorted(name for name in names if _PICKLED.fullmatch(name) and not _NO_WEIGHTS.fullmatch(name))
    if pickles and not any(name.endswith(".safetensors") for name in names):
        raise WeightsRefused(
            f"{where} has its weights in {pickles[0]} only: pickled weights can run code",
            "ask for safetensors, which another branch may have; CTranslate2's Whisper: edge-quantize import whisper",
        )
