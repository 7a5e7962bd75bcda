"""Tiny language models with random weights, saved by transformers, and what transformers computes with them.

`main` makes them all at once in a process that has torch (`forked.call`). Each model lies in a folder of its own, and
beside that a file with tokens and the logits of the last of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = "The patient took 12 mg at 08:15, and isn't allergic."
VOCABULARY = 384
WORDS = [TEXT, "the quick brown fox jumps over the lazy dog", "temperature pressure allergy receipt total 1234567890"]
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
# How a family's published tokenizer.json splits text; what the others of the same name split alike
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _REST
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _REST


def byte_pairs(folder: Path, pattern: str | None) -> None:
    """A byte-level BPE tokenizer: of GPT-2's kind split by a pattern, or of SmolLM's kind with single digits."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    if pattern:
        first = pre_tokenizers.Split(Regex(pattern), "isolated")
        second = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    else:
        first = pre_tokenizers.Digits(individual_digits=True)
        second = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, second])
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in ("<pad>", "<bos>", "<eos>")]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 8,  # fewer than the model has rows for, as is usual
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def sentence_pieces(folder: Path, *, space: bool, byte_fallback: bool = True, tokens: int = VOCABULARY - 8) -> None:
    """A SentencePiece tokenizer with byte fallback, as of Llama 2, which puts a space before a text, and Gemma."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS * 4),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=tokens,
        byte_fallback=byte_fallback,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=space,
        hard_vocab_limit=False,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()


def families() -> dict[str, tuple[Any, Any]]:
    """For each name the configuration, and what makes its tokenizer in a folder."""
    import transformers as t

    six = {**COMMON, "num_hidden_layers": 6}  # the sixth looks at all tokens, the others at a window
    gemma = t.Gemma3TextConfig(**six, head_dim=16, sliding_window=32, query_pre_attn_scalar=16)
    found: dict[str, tuple[Any, Any]] = {
        "llama": (t.LlamaConfig(**COMMON, rope_theta=10_000.0), lambda folder: sentence_pieces(folder, space=True)),
        "llama3": (t.LlamaConfig(**COMMON, rope_theta=500_000.0), lambda folder: byte_pairs(folder, LLAMA3)),
        "qwen3": (t.Qwen3Config(**COMMON, head_dim=16), lambda folder: byte_pairs(folder, QWEN2)),
        "smollm": (t.LlamaConfig(**COMMON, tie_word_embeddings=True), lambda folder: byte_pairs(folder, None)),
        "gemma3": (gemma, lambda folder: sentence_pieces(folder, space=False)),
    }
    return found


def picture_reader(folder: Path) -> None:
    """Save a tiny SmolVLM, with the tokens that llama.cpp looks for around a picture."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    eyes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    config = t.SmolVLMConfig(
        vision_config={**eyes, "image_size": 32, "patch_size": 8},
        text_config=t.LlamaConfig(**COMMON, architectures=["VLlama3ForCausalLM"]),  # as published
        image_token_id=3,
        scale_factor=2,
    )
    folder.mkdir(parents=True)
    t.SmolVLMForConditionalGeneration(config).save_pretrained(folder)
    byte_pairs(folder, None)
    rules = {"size": {"longest_edge": 64}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(rules))


def main(output: Path) -> None:
    """Make all of them below a folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    torch.set_num_threads(1)
    for name, (config, tokenize) in families().items():
        folder = output / name
        folder.mkdir(parents=True)
        tokenize(folder)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)  # so that no norm or bias does nothing
            tokens = [1, *range(5, 40), 200, 300]
            logits = model(torch.tensor([tokens])).logits[0, -1]
        model.save_pretrained(folder, max_shard_size="100KB" if name == "qwen3" else "1GB")
        expected = {"tokens": tokens, "logits": [float(value) for value in logits]}
        (output / f"{name}.json").write_text(json.dumps(expected))
