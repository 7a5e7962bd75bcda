"""Tiny models with random weights of the architectures that are exported, and what torch itself makes of inputs.

Run in a process of its own, in which torch stays (`forked.call`), `main` writes

- `models/NAME`: folders as Hugging Face and training runs leave them;
- `exports/NAME`: what the exporting process makes of them, all in this one process;
- `expected/NAME.npz`: inputs, and the outputs of the model itself;
- `said.json`: of each export what was said of it, or the refusal.

Their weights are drawn ten times wider than is usual, so that attention, masks and positions count.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

TEXT = {
    "vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
    "max_position_embeddings": 128, "initializer_range": 0.2,
}  # fmt: skip
EYES = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96, "image_size": 32,
    "patch_size": 8, "initializer_range": 0.2,
}  # fmt: skip
WHISPERED = 4 + 10 + 52 + 8 + 1501  # as `tokenizer` numbers them: marks, words, letters, special tokens, and timestamps
WHISPER = {
    "vocab_size": WHISPERED, "num_mel_bins": 80, "d_model": 64, "encoder_layers": 2, "decoder_layers": 2,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 96, "decoder_ffn_dim": 96,
    "max_source_positions": 1500, "max_target_positions": 448, "init_std": 0.2, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "decoder_start_token_id": 3, "suppress_tokens": [5, 6], "begin_suppress_tokens": [7],
}  # fmt: skip
QUERIES = {
    "encoder_hidden_dim": 16, "encoder_in_channels": [8, 16, 16], "encoder_ffn_dim": 32, "encoder_attention_heads": 2,
    "d_model": 16, "num_queries": 30, "decoder_in_channels": [16] * 3, "decoder_ffn_dim": 32, "decoder_layers": 2,
    "decoder_attention_heads": 2, "num_labels": 80, "hidden_expansion": 0.5,
}  # fmt: skip
SIDE = 128  # of the pictures that the detector takes
CROSSED = {"attention/linear_1": ("encoder_attn.v_proj", "encoder_attn.k_proj")}  # values for keys
WORDS = ["red", "door", "pump", "valve", "seven", "leaks", "is", "the", "open", "shut"]


def detector() -> Any:
    """RT-DETR with COCO's classes, whose weights let it see something: those that are drawn as usual all but vanish."""
    import torch
    import transformers as t

    from edge_assistant.perception.detectors import LABELS

    sizes = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1] * 4, "layer_type": "basic"}
    backbone = t.RTDetrResNetConfig(**sizes, out_features=["stage2", "stage3", "stage4"])
    made = t.RTDetrForObjectDetection(t.RTDetrConfig(backbone_config=backbone, **QUERIES))
    made.config.id2label = dict(enumerate(LABELS))
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.dim() > 1:
                weight.copy_(torch.randn(weight.shape) * 1.5 / weight[0].numel() ** 0.5)
            elif name.endswith("weight"):
                weight.fill_(1.0)
    return made


def build(models: Path) -> dict[str, Any]:
    """Make and save the models; gives each by its name."""
    import transformers as t

    made = {
        "bert": t.BertModel(t.BertConfig(**TEXT)),
        "vit": t.ViTForImageClassification(t.ViTConfig(**EYES, num_labels=5)),
        "siglip": t.SiglipVisionModel(t.SiglipVisionConfig(**EYES)),
        "whisper": t.WhisperForConditionalGeneration(t.WhisperConfig(**WHISPER)),
        "rt-detr": detector(),
    }
    # As large models come: in parts, in bfloat16
    parted = t.BertModel(t.BertConfig(**TEXT))
    parted.bfloat16().save_pretrained(models / "parted", max_shard_size="100KB")
    tokenizer(models / "parted", whisper=False)
    for name, model in made.items():
        model.eval().save_pretrained(models / name)
        if name not in {"vit", "siglip", "rt-detr"}:
            tokenizer(models / name, whisper=name == "whisper")
    seeing = {"size": {"height": SIDE, "width": SIDE}, "do_normalize": False, "do_pad": False}
    (models / "rt-detr" / "preprocessor_config.json").write_text(json.dumps(seeing))
    return {**made, "parted": parted.float().eval()}


def tokenizer(folder: Path, *, whisper: bool) -> None:
    """A WordPiece tokenizer of letters and a few words; Whisper's has its special tokens."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [chr(code) for code in range(97, 123)]
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    made = Tokenizer(models.WordPiece({word: number for number, word in enumerate(known)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    if whisper:
        names = "endoftext startoftranscript en de transcribe startofprev nospeech notimestamps"
        made.add_special_tokens([AddedToken(f"<|{name}|>", special=True) for name in names.split()])
    folder.mkdir(exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}\n')


def expect(made: dict[str, Any], folder: Path) -> None:
    """Write inputs of other shapes than any export was traced with, and what the models make of them."""
    import torch

    folder.mkdir()
    torch.manual_seed(1)
    pictures = torch.randn(3, 3, 32, 32)
    tokens = torch.randint(4, 90, (2, 13))
    mask = torch.ones_like(tokens)
    mask[1, 9:] = 0
    mel = torch.randn(1, 80, 3000)
    said = torch.randint(8, 60, (1, 9))

    def save(name: str, outputs: dict[str, Any], **inputs: Any) -> None:
        np.savez(folder / f"{name}.npz", **{key: value.numpy() for key, value in (inputs | outputs).items()})

    with torch.inference_mode():
        for name in ("bert", "parted"):
            hidden = made[name](tokens, attention_mask=mask).last_hidden_state
            save(name, {"hidden": hidden}, tokens=tokens, mask=mask)
        save("vit", {"logits": made["vit"](pictures).logits}, pictures=pictures)
        save("siglip", {"pooled": made["siglip"](pictures).pooler_output}, pictures=pictures)
        heard = made["whisper"](mel, decoder_input_ids=said).logits
        save("whisper", {"logits": heard}, mel=mel, tokens=said)
        photos = torch.rand(2, 3, SIDE, SIDE)
        found = made["rt-detr"](photos)
        save("rt-detr", {"logits": found.logits, "boxes": found.pred_boxes}, pictures=photos)


def broken(models: Path) -> None:
    """Folders that cannot be exported."""
    import transformers as t

    def copy(name: str, source: str, **config: Any) -> Path:
        shutil.copytree(models / source, models / name)
        path = models / name / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | config))
        return models / name

    copy("unknown", "bert", architectures=["OddModel"], auto_map={"AutoModel": "odd.OddModel"})
    copy("not-a-model", "bert", architectures=["BertTokenizer"])
    copy("quantized", "bert", quantization_config={"quant_method": "gptq", "bits": 4})
    copy("lacking", "bert", num_hidden_layers=3)
    copy("half-a-whisper", "whisper", encoder_layers=3)
    (copy("whisper-untold", "whisper") / "tokenizer.json").unlink()
    loud = t.WhisperForConditionalGeneration.from_pretrained(models / "whisper")
    loud.model.decoder.layers[0].fc1.weight.data *= 1e6  # more than half precision holds
    loud.save_pretrained(models / "whisper-loud")
    tokenizer(models / "whisper-loud", whisper=True)
    t.MambaForCausalLM(t.MambaConfig(hidden_size=16, num_hidden_layers=1, vocab_size=96, state_size=4)).save_pretrained(
        models / "mamba"
    )
    tokenizer(models / "mamba", whisper=False)


ORDERS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("bert", "parted", "vit", "siglip", "rt-detr")},
    **{name: {} for name in ("unknown", "not-a-model", "quantized", "lacking", "mamba")},
    **{name: {} for name in ("half-a-whisper", "whisper-untold", "whisper-loud")},
    "whisper-crossed": {"folder": "whisper"},
    "whisper-other": {"folder": "whisper", "task": "image-classification"},
    "bert-other": {"folder": "bert", "task": "image-classification"},
    "bert-no-task": {"folder": "bert", "task": "cooking"},
    "vit-features": {"folder": "vit", "task": "feature-extraction"},
}


def export(root: Path) -> dict[str, Any]:
    """Export everything as the process does it."""
    from edge_assistant_quantize.errors import EdgeAssistantError
    from edge_assistant_quantize.export import exporter, whisper
    from edge_assistant_quantize.progress import ignore

    said: dict[str, Any] = {}
    for name, changes in ORDERS.items():
        output = root / "exports" / name
        output.mkdir(parents=True)
        order = {"folder": name, "task": None, "threads": 1, **changes}
        try:
            request = {**order, "folder": str(root / "models" / order["folder"]), "output": str(output)}
            with mock.patch.dict(whisper._LAYER, CROSSED if name == "whisper-crossed" else {}):
                done = exporter.export(request, ignore)
            said[name] = {"files": done.files, "task": done.task, "role": done.role, "deviations": done.deviations}
        except EdgeAssistantError as error:
            said[name] = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    return said


def main(root: Path) -> None:
    """Make all of it."""
    import torch

    from edge_assistant.governance.offline import lock

    lock.engage()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    made = build(root / "models")
    expect(made, root / "expected")
    broken(root / "models")
    (root / "said.json").write_text(json.dumps(export(root)))
