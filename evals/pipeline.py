"""The baseline pipeline, an afternoon's work: faster-whisper int8, RapidOCR's defaults, one prompt over everything.

It is a process of its own, `python -m evals.pipeline`, so that it starts as cold as the product does.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

MAX_TOKENS = 256
CONTEXT = 8192
MAX_ROWS = 100  # of readings that are pasted; more do not fit beside a receipt
SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "status": {"enum": ["supported", "conflict", "not_in_evidence"]},
        "citations": {"type": "array", "items": {"type": "string"}, "maxItems": 6},
    },
    "required": ["answer", "status", "citations"],
}
_SYSTEM = (
    "Answer the question from the evidence. Cite evidence by its number. Say 'conflict' where the sources contradict "
    "each other and 'not_in_evidence' where none of them tells."
)


def main() -> None:
    """Perceive everything, paste it into one prompt, print the model's JSON."""
    parser = argparse.ArgumentParser()
    for name in ("question", "language-model", "speech-model"):
        parser.add_argument(f"--{name}", required=True)
    for kind in ("image", "audio", "readings", "text"):
        parser.add_argument(f"--{kind}", action="append", default=[])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    lines = [
        *(f"image: {line}" for path in args.image for line in _write(path)),
        *(f"audio: {line}" for path in args.audio for line in _transcribe(path, args.speech_model, args.threads)),
        *(f"readings: {line}" for path in args.readings for line in _text(path)[: MAX_ROWS + 1]),
        *(f"text: {line}" for path in args.text for line in _text(path)),
    ]
    evidence = "\n".join(f"[E{number}] {line}" for number, line in enumerate(lines, 1))
    print(json.dumps(_answer(args.question, evidence, args.language_model, args.threads)))


def _write(path: str) -> list[str]:
    from rapidocr import RapidOCR

    found = RapidOCR()(path)
    return list(found.txts or ())


def _transcribe(path: str, model: str, threads: int) -> list[str]:
    from faster_whisper import WhisperModel

    segments, _ = WhisperModel(model, compute_type="int8", cpu_threads=threads).transcribe(path, beam_size=1)
    return [segment.text.strip() for segment in segments]


def _text(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()


def _answer(question: str, evidence: str, model: str, threads: int) -> object:
    from llama_cpp import Llama

    llama = Llama(model, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)
    reply = llama.create_chat_completion(
        [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": f"Evidence:\n{evidence}\n\nQuestion: {question}"},
        ],
        response_format={"type": "json_object", "schema": SCHEMA},
        temperature=0.0,
        max_tokens=MAX_TOKENS,
    )
    return {"reply": reply["choices"][0]["message"]["content"], "usage": reply["usage"]}


if __name__ == "__main__":
    main()
