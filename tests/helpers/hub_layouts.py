"""Repositories of the hub by their lists of files, with tiny random weights and small contents of the real form.

`LAYOUTS` has the lists. What a repository holds besides its model (other frameworks, code, training logs) has content
that nobody may read. `main` writes the repositories below a folder, in a process that has torch (`forked.call`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from helpers import tiny_language_models, tiny_transformers

_ONNX = ("bnb4", "fp16", "int8", "q4", "q4f16", "quantized", "uint8")
_OTHER = b"another form of the model, or code: not to be read"


@dataclass(frozen=True)
class Layout:
    """A repository.

    Attributes:
        repo: owner/name.
        wanted: its files that `fetch` brings.
        others: those that it leaves.
    """

    repo: str
    wanted: tuple[str, ...]
    others: tuple[str, ...] = (".gitattributes",)


MINILM = Layout(
    "sentence-transformers/all-MiniLM-L6-v2",
    (
        "1_Pooling/config.json", "README.md", "config.json", "config_sentence_transformers.json", "data_config.json",
        "model.safetensors", "modules.json", "sentence_bert_config.json", "special_tokens_map.json", "tokenizer.json",
        "tokenizer_config.json", "vocab.txt",
    ),
    (
        ".gitattributes", "onnx/model.onnx", *(f"onnx/model_O{level}.onnx" for level in range(1, 5)),
        "onnx/model_qint8_arm64.onnx", "onnx/model_qint8_avx512.onnx", "onnx/model_qint8_avx512_vnni.onnx",
        "onnx/model_quint8_avx2.onnx", "openvino/openvino_model.bin", "openvino/openvino_model.xml",
        "openvino/openvino_model_qint8_quantized.bin", "openvino/openvino_model_qint8_quantized.xml",
        "pytorch_model.bin", "rust_model.ot", "tf_model.h5", "train_script.py",
    ),
)  # fmt: skip
WHISPER = Layout(
    "openai/whisper-base",
    (
        "README.md", "added_tokens.json", "config.json", "generation_config.json", "merges.txt", "model.safetensors",
        "normalizer.json", "preprocessor_config.json", "special_tokens_map.json", "tokenizer.json",
        "tokenizer_config.json", "vocab.json",
    ),
    (".gitattributes", "flax_model.msgpack", "pytorch_model.bin", "tf_model.h5"),
)  # fmt: skip
SMOLLM2 = Layout(
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    (
        "README.md", "all_results.json", "config.json", "eval_results.json", "generation_config.json", "merges.txt",
        "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
        "train_results.json", "trainer_state.json", "vocab.json",
    ),
    (
        ".gitattributes", "onnx/model.onnx", *(f"onnx/model_{kind}.onnx" for kind in _ONNX),
        "runs/Oct31_09-21-22_host/events.out.tfevents.1730366556.host.1.0", "training_args.bin",
    ),
)  # fmt: skip
QWEN = Layout(
    "Qwen/Qwen2.5-0.5B-Instruct",
    (
        "LICENSE", "README.md", "config.json", "generation_config.json", "merges.txt", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json", "vocab.json",
    ),
)  # fmt: skip
SHARDED = Layout(  # in parts, with the whole once more in its maker's own form, and a tokenizer in two forms
    "mistralai/Mistral-7B-Instruct-v0.3",
    (
        "README.md", "config.json", "generation_config.json", "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", "model.safetensors.index.json",
        "params.json", "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    ),
    (".gitattributes", "consolidated.safetensors", "tokenizer.model.v3"),
)  # fmt: skip
RT_DETR = Layout(
    "PekingU/rtdetr_r18vd",
    ("README.md", "config.json", "model.safetensors", "preprocessor_config.json"),
)
EYES = Layout(
    "HuggingFaceTB/SmolVLM-256M-Instruct",
    (
        "README.md", "added_tokens.json", "chat_template.json", "config.json", "generation_config.json", "merges.txt",
        "model.safetensors", "preprocessor_config.json", "processor_config.json", "special_tokens_map.json",
        "tokenizer.json", "tokenizer_config.json", "vocab.json",
    ),
    (
        ".gitattributes", "onnx/decoder_model_merged.onnx", "onnx/embed_tokens.onnx", "onnx/vision_encoder.onnx",
        *(f"onnx/{part}_{kind}.onnx" for part in ("embed_tokens", "vision_encoder") for kind in _ONNX),
        "smolvlm-data.pdf",
    ),
)  # fmt: skip
LAYOUTS = {layout.repo: layout for layout in (MINILM, WHISPER, RT_DETR, EYES, SMOLLM2, QWEN, SHARDED)}

_CARD = b"---\nlicense: apache-2.0\nlanguage:\n- en\npipeline_tag: text-generation\n---\n\n# Model card\n"
_MODULES = [
    {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
    for number, (path, kind) in enumerate((("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")))
]
_POOLING = {"cls_token": False, "mean_tokens": True, "max_tokens": False, "mean_sqrt_len_tokens": False}
_SMALL: dict[str, object] = {
    "1_Pooling/config.json": {
        "word_embedding_dimension": 64, **{f"pooling_mode_{name}": on for name, on in _POOLING.items()}
    },
    "added_tokens.json": {"<|en|>": 68},
    "all_results.json": {"epoch": 1.0, "train_loss": 0.7},
    "chat_template.json": {"chat_template": "{{ messages }}"},
    "config_sentence_transformers.json": {"__version__": {"sentence_transformers": "2.0.0", "pytorch": "1.8.1"}},
    "data_config.json": [{"name": "stackexchange/skeptics.stackexchange.com.jsonl.gz", "lines": 10009, "weight": 1}],
    "eval_results.json": {"eval_loss": 0.6},
    "generation_config.json": {"eos_token_id": 2},
    "modules.json": _MODULES,
    "normalizer.json": {"accessorise": "accessorize"},
    "params.json": {"dim": 64, "n_layers": 2},
    "processor_config.json": {"image_seq_len": 4, "processor_class": "SmolVLMProcessor"},
    "preprocessor_config.json": {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80},
    "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
    "special_tokens_map.json": {},
    "train_results.json": {"train_loss": 0.7},
    "trainer_state.json": {"global_step": 100, "log_history": [{"loss": float("nan"), "step": 1}]},
}  # fmt: skip


def complete(folder: Path, layout: Layout) -> None:
    """Fill a folder, which has the model and its tokenizer as transformers saves them, up to the repository's list."""
    tables = json.loads((folder / "tokenizer.json").read_text()) if (folder / "tokenizer.json").is_file() else {}
    vocabulary: dict[str, int] = tables.get("model", {}).get("vocab", {})
    made = {
        "README.md": _CARD,
        "LICENSE": b"Apache License\nVersion 2.0\n",
        "vocab.txt": "\n".join(sorted(vocabulary, key=lambda word: vocabulary[word])).encode(),
        "vocab.json": json.dumps(vocabulary).encode(),
        "merges.txt": "\n".join(" ".join(pair) for pair in tables.get("model", {}).get("merges", [])).encode(),
        **{name: json.dumps(content).encode() for name, content in _SMALL.items()},
    }
    for name in (*layout.wanted, *layout.others):
        path = folder / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(made[name] if name in layout.wanted else _OTHER)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in {*layout.wanted, *layout.others}:
            path.unlink()


def configure(path: Path, **keys: object) -> None:
    """Add keys to a file of JSON, which need not be there."""
    path.write_text(json.dumps((json.loads(path.read_text()) if path.is_file() else {}) | keys, indent=2))


def main(output: Path) -> None:
    """Make all of them, each at its name below a folder."""
    import torch
    import transformers as t
    from safetensors.numpy import load_file, save_file

    torch.manual_seed(0)

    def save(layout: Layout, model: Any, **options: Any) -> Path:
        model.eval().save_pretrained(output / layout.repo, **options)
        return output / layout.repo

    folder = save(MINILM, t.BertModel(t.BertConfig(**tiny_transformers.TEXT)))
    tiny_transformers.tokenizer(folder, whisper=False)
    # As files have it that were made from a pickle of an older transformers
    weights = load_file(folder / "model.safetensors")
    positions = {"embeddings.position_ids": np.arange(128)[None]}
    save_file(weights | positions, folder / "model.safetensors", {"format": "pt"})
    configure(folder / "config.json", _name_or_path="nreimers/MiniLM-L6-H384-uncased", gradient_checkpointing=False)

    folder = save(WHISPER, t.WhisperForConditionalGeneration(t.WhisperConfig(**tiny_transformers.WHISPER)))
    tiny_transformers.tokenizer(folder, whisper=True)
    told = {"alignment_heads": [[1, 0], [1, 2]], "lang_to_id": {"<|en|>": 68}, "is_multilingual": True}
    configure(folder / "generation_config.json", **told, suppress_tokens=[5, 6], begin_suppress_tokens=[7])

    folder = save(RT_DETR, tiny_transformers.detector())
    side = {"height": tiny_transformers.SIDE, "width": tiny_transformers.SIDE}
    processor = t.RTDetrImageProcessor(size=side)
    processor.save_pretrained(folder)

    tiny_language_models.picture_reader(output / EYES.repo)

    common = tiny_language_models.COMMON
    folder = save(SMOLLM2, t.LlamaForCausalLM(t.LlamaConfig(**common, tie_word_embeddings=True)))
    tiny_language_models.byte_pairs(folder, None)
    configure(folder / "config.json", **{"transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}})
    configure(folder / "tokenizer_config.json", chat_template="{% for message in messages %}{% endfor %}")

    folder = save(QWEN, t.Qwen2ForCausalLM(t.Qwen2Config(**common, tie_word_embeddings=True)))
    tiny_language_models.byte_pairs(folder, tiny_language_models.QWEN2)
    configure(folder / "generation_config.json", repetition_penalty=1.1, do_sample=True, top_k=20)

    folder = save(SHARDED, t.MistralForCausalLM(t.MistralConfig(**common)), max_shard_size="200KB")
    tiny_language_models.sentence_pieces(folder, space=True)
    t.LlamaTokenizerFast.from_pretrained(folder, legacy=True).save_pretrained(folder)

    for layout in LAYOUTS.values():
        complete(output / layout.repo, layout)
