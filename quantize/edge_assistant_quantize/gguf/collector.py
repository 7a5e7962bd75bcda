"""The inputs of a model's matrix products, summed during computation by llama.cpp's evaluation callback.

After IMatrixCollector::collect_imatrix of tools/imatrix/imatrix.cpp. Sums have 64 bits, the tool's have 32.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.language import llama
from edge_assistant_quantize.errors import QuantizationFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ROWS = 16  # tokens of a product that counts, as in the tool
_F32 = 0


class _Tensor(ctypes.Structure):
    """ggml.h's ggml_tensor."""


_Tensor._fields_ = (
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(_Tensor) * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
    ("extra", ctypes.c_void_p),
    ("padding", ctypes.c_char * 8),
)


class Collector:
    """The evaluation callback. No exception passes through C, so `check` raises the one that was caught.

    Attributes:
        counts: rows that went into the sums by tensor, [experts].
    """

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64]] = {}
        self.counts: dict[str, NDArray[np.int64]] = {}
        self._failed: BaseException | None = None
        self._product, self._by_expert = _operators()

    @property
    def values(self) -> dict[str, NDArray[np.float32]]:
        """Sums of squares by tensor, [experts, columns]."""
        return {name: sums.astype(np.float32) for name, sums in self._sums.items()}

    def check(self) -> None:
        """Raise the exception of the callback, if any."""
        if self._failed is not None:
            raise self._failed

    def __call__(self, address: int, asks: bool, data: object) -> bool:
        """Say whether a node's inputs are wanted; after its computation take them. False then ends the computation."""
        try:
            node = _Tensor.from_address(address)
            if node.op not in {self._product, self._by_expert}:
                return False
            if asks:
                return self._failed is None and (node.op == self._by_expert or self._wanted(node))
            (self._take_by_expert if node.op == self._by_expert else self._take)(node)
        except BaseException as error:
            self._failed = error
            return False
        return True

    def _wanted(self, node: Any) -> bool:  # noqa: ANN401 - a ggml_tensor
        weight, given = node.src[0].contents, node.src[1].contents
        return given.ne[1] >= LEAST_ROWS and given.type == _F32 and _name(weight).startswith("blk.")

    def _take(self, node: Any) -> None:  # noqa: ANN401 - a ggml_tensor
        weight, given = node.src[0].contents, node.src[1].contents
        inputs = _array(given, np.float32)  # [ne3, ne2, rows, columns]
        squares = np.einsum("abrc,abrc->abc", inputs, inputs, dtype=np.float64)
        matrices = weight.ne[2] * weight.ne[3]
        sums, counts = self._place(_name(weight), matrices, inputs.shape[3], 1)
        for three in range(inputs.shape[0]):
            for two in range(inputs.shape[1]):
                sums[(three % weight.ne[3]) * weight.ne[2] + two % weight.ne[2]] += squares[three, two]
        counts += inputs.shape[0] * inputs.shape[1] * inputs.shape[2] // matrices

    def _take_by_expert(self, node: Any) -> None:  # noqa: ANN401 - a ggml_tensor
        weight, given = node.src[0].contents, node.src[1].contents
        chosen = _array(node.src[2].contents, np.int32)[0, 0]  # [tokens, experts of a token]
        inputs = _array(given, np.float32)[0]  # [tokens, experts of a token or 1, columns]
        sums, counts = self._place(_name(weight), weight.ne[2], inputs.shape[2], weight.ne[2])
        for slot in range(chosen.shape[1]):
            rows = inputs[:, slot % inputs.shape[1]].astype(np.float64)
            for expert in np.unique(chosen[:, slot]):
                mine = rows[chosen[:, slot] == expert]
                sums[expert] += (mine * mine).sum(axis=0)
                counts[expert] += len(mine)

    def _place(
        self, name: str, matrices: int, columns: int, counted: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The sums and counts of a tensor."""
        sums = self._sums.setdefault(name, np.zeros((matrices, columns)))
        counts = self.counts.setdefault(name, np.zeros(counted, np.int64))
        if sums.shape != (matrices, columns):
            raise QuantizationFailed(f"the inputs of {name} have changing sizes", "quantize without a matrix")
        return sums, counts


@cache
def _operators() -> tuple[int, int]:
    """Numbers of the operators MUL_MAT and MUL_MAT_ID."""
    library: Any = llama.library().llama_cpp._lib
    library.ggml_op_name.restype, library.ggml_op_name.argtypes = ctypes.c_char_p, [ctypes.c_int]
    names: list[bytes] = []
    while not {b"MUL_MAT", b"MUL_MAT_ID"} <= set(names):
        names.append(library.ggml_op_name(len(names)))
    return names.index(b"MUL_MAT"), names.index(b"MUL_MAT_ID")


def _name(weight: Any) -> str:  # noqa: ANN401 - a ggml_tensor
    """A weight's name without what a backend puts around it: CUDA0#blk.0.attn_k.weight#0."""
    name: str = weight.name.decode(errors="replace")
    return name.split("#")[1] if "#" in name else name


def _array(tensor: Any, kind: type[np.float32 | np.int32]) -> NDArray[Any]:  # noqa: ANN401 - a ggml_tensor
    """A tensor in main memory as an array, its last dimension first."""
    sizes, steps = tuple(tensor.ne)[::-1], tuple(tensor.nb)[::-1]
    length = sum((size - 1) * step for size, step in zip(sizes, steps, strict=True)) + np.dtype(kind).itemsize
    memory = (ctypes.c_uint8 * length).from_address(tensor.data)
    return np.ndarray(sizes, kind, memory, strides=steps)
