"""Embeddings as OpenAI has them, in base64 of little-endian float32 or as numbers."""

from __future__ import annotations

import base64
import struct
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve.calls import Desk
from edge_assistant.serve.replies import body

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class EmbeddingRequest(msgspec.Struct):
    """A request."""

    input: _Text | Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=2_048)]
    model: str = "edge"
    encoding_format: Literal["float", "base64"] = "float"


async def embeddings(desk: Desk, request: Request) -> Response:
    """A vector for each text."""
    asked = await body(request, EmbeddingRequest)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    found = await desk.reply(ServiceMessage(ServiceTask.EMBED, tuple(texts)))
    data = [
        {"object": "embedding", "index": place, "embedding": _encoded(vector, asked.encoding_format)}
        for place, vector in enumerate(found["vectors"])
    ]
    tokens = sum(len(text.split()) for text in texts)  # of words, as the embedder counts none
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _encoded(vector: str, form: str) -> Any:  # noqa: ANN401 - a text or numbers
    if form == "base64":
        return vector
    data = base64.b64decode(vector)
    return list(struct.unpack(f"<{len(data) // 4}f", data))
