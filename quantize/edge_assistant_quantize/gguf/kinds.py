"""The types that llama.cpp quantizes to, by their names there."""

from __future__ import annotations

from edge_assistant_quantize.errors import UsageError

# fmt: off
# Of whole models: names of llama_ftype without LLAMA_FTYPE_MOSTLY_, the largest first
MODELS = (
    "F32", "BF16", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_1",
    "Q4_0", "IQ4_NL", "IQ4_XS", "MXFP4_MOE", "Q3_K_L", "Q3_K_M", "Q3_K_S", "IQ3_M", "IQ3_S", "IQ3_XS",
    "IQ3_XXS", "Q2_K", "Q2_K_S", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "TQ2_0", "TQ1_0", "IQ1_M", "IQ1_S",
)
SEARCH = "search"  # stands for a type in each group of tensors, see `search`
FLOATS = frozenset({"F32", "F16", "BF16"})
# Of single tensors: names of ggml_type without GGML_TYPE_
TENSORS = (
    "F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS",
    "MXFP4", "Q3_K", "IQ3_S", "IQ3_XXS", "Q2_K", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S",
)
# fmt: on


def of_model(name: str) -> int:
    """The number of a model's type.

    Raises:
        UsageError: there is none of this name.
    """
    from gguf import LlamaFileType

    if name.upper() not in MODELS:
        raise UsageError(f"there is no type '{name}'", f"choose one of {', '.join(MODELS)}")
    return int(LlamaFileType["ALL_F32" if name.upper() == "F32" else f"MOSTLY_{name.upper()}"])


def of_tensor(name: str) -> int:
    """The number of a tensor's type.

    Raises:
        UsageError: there is none of this name.
    """
    from gguf import GGMLQuantizationType

    if name.upper() not in TENSORS:
        raise UsageError(f"there is no type '{name}' of tensors", f"choose one of {', '.join(TENSORS)}")
    return int(GGMLQuantizationType[name.upper()])
