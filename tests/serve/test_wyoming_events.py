"""What clients send that is no event: one error each, and the next one is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from helpers.gateways import Gateway
from helpers.platforms import needs_lock
from helpers.wyoming_clients import CHUNK, answers, event, talk
from hypothesis import given, settings
from hypothesis import strategies as st
from wyoming.ping import Ping

from edge_assistant.serve import wyoming_events

pytestmark = needs_lock
PROTOCOLS = ("wyoming",)


LONG = "x" * (wyoming_events.TEXT_CHARACTERS + 1)
MALFORMED = {
    "no JSON": b"hello\n",
    "HTTP": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
    "an empty line": b"\n",
    "a list": b"[]\n",
    "a number": b"1\n",
    "a text": b'"describe"\n',
    "null": b"null\n",
    "half an object": b'{"type": "ping"\n',
    "two objects": b'{"type": "ping"}{"type": "ping"}\n',
    "not UTF-8": b'{"type": "p\xffng"}\n',
    "UTF-16": '{"type": "ping"}\n'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + event(),
    "NUL": b"\0" * 100 + b"\n",
    "deep": b'{"type":' + b"[" * 50_000 + b"\n",
    "deep data": event(data_length=50_000) + b"[" * 50_000,
    "a number of 60,000 digits": b'{"type": ' + b"9" * 60_000 + b"}\n",
    "a line that never ends": b"x" * (wyoming_events.LINE_BYTES + 2),
    "a line that is too long": b'{"type": "' + b"x" * wyoming_events.LINE_BYTES + b'"}\n',
    "no type": b"{}\n",
    "a type that is a number": event(1),
    "a type that is null": event(None),
    "data that is a list": event(data=[1]),
    "data that is a text": event(data="x"),
    "data_length below 0": event(data_length=-1),
    "data_length that is a text": event(data_length="10"),
    "data_length that is a fraction": event(data_length=1.5),
    "data_length that is true": event(data_length=True),
    "data_length that is infinite": b'{"type": "ping", "data_length": Infinity}\n',
    "data_length that is not a number": b'{"type": "ping", "data_length": NaN}\n',
    "data_length over the limit": event(data_length=wyoming_events.DATA_BYTES + 1),
    "data_length that no memory holds": event(data_length=1 << 62),
    "payload_length below 0": event(payload_length=-1),
    "payload_length over the limit": event(payload_length=wyoming_events.PAYLOAD_BYTES + 1),
    "payload_length that no memory holds": event("audio-chunk", CHUNK, payload_length=1 << 40),
    "payload_length that is a list": event(payload_length=[1]),
    "data after it that are no JSON": event(data_length=4) + b"abcd",
    "data after it that are a list": event(data_length=2) + b"[]",
    "data after it that are not UTF-8": event(data_length=2) + b"\xff\xfe",
    "a text that is a number": event(data={"text": 1}),
    "a text that is a list": event("synthesize", {"text": ["x"]}),
    "a text of half a character": event(data={"text": "\ud800"}),
    "a text that is too long": event("synthesize", {"text": LONG}),
    "a question that is too long": event("transcript", {"text": LONG}),
    "a speech that is too long": event("synthesize-start")
    + event("synthesize-chunk", {"text": LONG[:9_000]}) * 2,
    "a language that is a number": event("transcribe", {"language": 5}),
    "a context that is a list": event("transcript", {"text": "x", "context": [1]}),
    "an id that is an object": event("transcript", {"text": "x", "context": {"conversation_id": {"a": 1}}}),
    "sound of no form": event("audio-chunk", payload=bytes(4)),
    "sound of no samples a second": event("audio-chunk", CHUNK | {"rate": 0}, bytes(4)),
    "sound of too many samples a second": event("audio-chunk", CHUNK | {"rate": 1 << 40}, bytes(4)),
    "sound of 100 channels": event("audio-chunk", CHUNK | {"channels": 100}, bytes(4)),
    "sound of 0 bytes a sample": event("audio-chunk", CHUNK | {"width": 0}, bytes(4)),
    "sound whose rate is a text": event("audio-chunk", CHUNK | {"rate": "16000"}, bytes(4)),
    "sound whose rate is true": event("audio-chunk", CHUNK | {"channels": True}, bytes(4)),
    "sound that changes": event("audio-chunk", CHUNK, bytes(4)) + event("audio-chunk", CHUNK | {"width": 1}, bytes(4)),
    "a recording that is too long": event("audio-chunk", CHUNK, bytes(wyoming_events.PAYLOAD_BYTES)) * 129,
}  # fmt: skip


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_ends_its_connection_with_one_error(served: Gateway, content: bytes) -> None:
    before = served.mib
    assert asyncio.run(answers(served.port, content + event())) == [("error", "malformed")]
    assert served.mib < before + 40
    assert talk(served.port, Ping("x"), end="pong")[-1].data == {"text": "x"}


class Writes(asyncio.StreamReader):
    """A reader over bytes that are all there."""

    def __init__(self, content: bytes) -> None:
        super().__init__(limit=wyoming_events.LINE_BYTES)
        self.feed_data(content)
        self.feed_eof()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
_HEADS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["ping", "transcript", "audio-chunk", "synthesize"]) | _JSON,
        "data": st.fixed_dictionaries({}, optional={"text": _JSON, "language": _JSON, "rate": _JSON}) | _JSON,
        "data_length": st.integers(-1, 40) | _JSON,
        "payload_length": st.integers(-1, 40) | _JSON,
    },
)


@given(st.lists(_HEADS.map(lambda head: json.dumps(head).encode() + b"\n") | st.binary(max_size=40), max_size=6))
def test_whatever_is_sent_is_events_then_one_error_or_the_end(parts: list[bytes]) -> None:
    content = b"".join(parts)

    async def read() -> None:
        reader = Writes(content)
        with contextlib.suppress(wyoming_events.Malformed):
            while event := await wyoming_events.read_event(reader, 1.0, lambda: 1000, lambda: False):
                assert isinstance(event.type, str)
                assert isinstance(event.data, dict)
                assert len(event.payload or b"") <= 1000
                wyoming_events.text_of(event.data, "text").encode()
                wyoming_events.language_of(event.data)

    asyncio.run(read())


_GOOD = event("describe") + event("ping", {"text": "x"}) + event("audio-chunk", CHUNK, bytes(64))
_CUT = st.tuples(st.integers(0, len(_GOOD) - 1), st.binary(max_size=8))


@settings(max_examples=200)
@given(
    st.one_of(st.binary(max_size=400), _CUT.map(lambda cut: _GOOD[: cut[0]] + cut[1] + _GOOD[cut[0] + len(cut[1]) :]))
)
def test_whatever_comes_is_answered_by_at_most_one_error_at_the_end(served: Gateway, content: bytes) -> None:
    *told, last = [kind for kind, _ in asyncio.run(answers(served.port, content, ends=True))] or [""]
    assert set(told) <= {"info", "pong"}
    assert last in {"info", "pong", "error", ""}
    assert talk(served.port, Ping("x"), end="pong")[-1].type == "pong"
