"""The process that runs Whisper's graphs beside the model itself, in transformers; `export` starts it.

The graphs are written from the weights without torch (`whisper`), in half precision. So what may differ here is more
than for a traced graph, and still far less than what a wrong name, layout or mask makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant.governance.offline import lock
from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.export import exporter
from edge_assistant_quantize.export.trace import SEED, Deviations, checked
from edge_assistant_quantize.export.whisper import FILES
from edge_assistant_quantize.progress import ProgressStep, Watch

# Of an output's largest value: half precision keeps 11 bits of a weight, which made 0.0015 of weights ten times wider
# than usual; a mask left out or two names exchanged make more than 0.1
MOST = 1e-2
_HINT = "the graphs of this variant of Whisper are wrong: export with --layout optimum, and please report it"
_FIRST, _TOKENS = 3, 8  # tokens that the decoder reads at once, and all of them: the others one by one
_STAGE = "comparing with the model"

Array = NDArray[np.float32]


def work(request: Mapping[str, Any], watch: Watch) -> Deviations:
    """Compare under the offline lock.

    Args:
        request: `folder` with config.json and *.safetensors; `output`, the folder of the graphs; `threads` to use.
        watch: receives the stage.

    Returns:
        By file and output, the largest difference as a share of the output's largest value.

    Raises:
        QuantizationFailed: one is larger than `MOST`.
        WeightsRefused: transformers does not load the weights.
    """
    lock.engage()
    watch(ProgressStep(_STAGE, 0, 1))
    import torch

    torch.set_num_threads(request["threads"])
    torch.manual_seed(SEED)
    model = exporter.load_model(Path(request["folder"]), None)
    model.set_attn_implementation("eager")  # which gives the attention that word times are read from
    config, output, runtime = model.config, Path(request["output"]), Runtime(request["threads"])
    encoder, decoder = (output / FILES[part] for part in ("encoder", "decoder"))
    mel = torch.randn(1, config.num_mel_bins, 2 * config.max_source_positions)
    tokens = torch.randint(0, config.vocab_size, (1, _TOKENS))
    with torch.inference_mode():
        heard = model.model.encoder(mel).last_hidden_state
        crossed = _crossed(model, heard)
        said = model(decoder_input_ids=tokens, encoder_outputs=(heard,), output_attentions=True)
    heads = json.loads((output / FILES["config"]).read_text("utf-8"))["alignment_heads"]
    followed = [said.cross_attentions[layer][0, head] for layer, head in sorted(heads, key=lambda pair: pair[0])]
    wanted = {"logits": said.logits[0].numpy(), "alignment": torch.stack(followed).numpy()}
    made = _encoded(runtime, encoder, mel.numpy())
    written = _decoded(runtime, decoder, made, tokens[0].numpy())
    try:
        found = {
            path.name: {name: checked(path, name, there[name], right, MOST) for name, right in of.items()}
            for path, there, of in ((encoder, made, crossed), (decoder, written, wanted))
        }
    except QuantizationFailed as error:
        raise QuantizationFailed(error.message, _HINT) from None
    watch(ProgressStep(_STAGE, 1, 1))
    return found


def _crossed(model: Any, heard: Any) -> dict[str, Array]:  # noqa: ANN401 - of libraries that are imported late
    """Keys and values of cross attention as the graph gives them: [heads, size, m] and [heads, m, size]."""
    heads, found = model.config.decoder_attention_heads, {}
    for number, layer in enumerate(model.model.decoder.layers):
        for name, product, order in (
            ("key", layer.encoder_attn.k_proj, (1, 2, 0)),
            ("value", layer.encoder_attn.v_proj, (1, 0, 2)),
        ):
            rows = product(heard)[0].reshape(heard.shape[1], heads, -1)
            found[f"cross_{name}_{number}"] = rows.permute(order).numpy()
    return found


def _encoded(runtime: Runtime, path: Path, mel: Array) -> dict[str, Array]:
    session = runtime.session(path)
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(names, {"mel": mel}), strict=True))


def _decoded(runtime: Runtime, path: Path, heard: Mapping[str, Array], tokens: NDArray[np.int64]) -> dict[str, Array]:
    """Logits [n, vocabulary] and alignment [heads, n, m] of tokens that are read as the product reads them."""
    session = runtime.session(path)
    names = [item.name for item in session.get_outputs()]
    past = {
        item.name: np.zeros([size if isinstance(size, int) else 0 for size in item.shape], np.float32)
        for item in session.get_inputs()
        if item.name.startswith("past_")
    }
    logits, alignment = [], []
    for part in (tokens[:_FIRST], *tokens[_FIRST:, None]):
        made = dict(zip(names, session.run(names, {"tokens": part, **heard, **past}), strict=True))
        logits.append(made["logits"])
        alignment.append(made["alignment"])
        past = {name: made[name.removeprefix("past_")] for name in past}
    return {"logits": np.concatenate(logits), "alignment": np.concatenate(alignment, axis=1)}
