"""OpenAI's own client over every endpoint, unchanged."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from helpers.gateways import TOKEN, Gateway
from helpers.platforms import needs_lock

pytestmark = needs_lock
QUESTION = "Which allergies are known?"


@pytest.fixture
def asks(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client


def said(text: str, *parts: dict[str, Any]) -> Any:
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def test_the_model_is_listed(asks: openai.OpenAI) -> None:
    assert [model.id for model in asks.models.list()] == ["edge"]


def test_files_are_asked_about_and_the_answer_has_its_sources(asks: openai.OpenAI) -> None:
    one = {"type": "file", "file": {"filename": "a.txt", "file_data": data_url(b"Allergies: latex.", "text/plain")}}
    two = {"type": "file", "file": {"filename": "b.txt", "file_data": data_url(b"Allergies: none.", "text/plain")}}
    found = asks.chat.completions.create(model="any", messages=said(QUESTION, one, two))
    content = found.choices[0].message.content
    assert content is not None
    assert "latex" in content
    assert "[E1] text:1 a.txt, characters 0-17: Allergies: latex." in content
    answer = found.model_extra["edge_assistant"]
    assert answer["status"] == "conflict"
    assert [signal["name"] for signal in answer["signals"]] == ["a.txt", "b.txt"]


def test_a_statement_in_an_earlier_message_is_a_source(asks: openai.OpenAI) -> None:
    messages: Any = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "The allergies of the patient are latex."},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": QUESTION},
    ]
    found = asks.chat.completions.create(model="edge", messages=messages)
    assert "latex" in (found.choices[0].message.content or "")


def test_a_picture_and_a_recording_are_perceived(asks: openai.OpenAI, pytestconfig: pytest.Config) -> None:
    clinic = pytestconfig.rootpath / "examples" / "clinic"
    picture = {"type": "image_url", "image_url": {"url": data_url((clinic / "form.jpg").read_bytes(), "image/jpeg")}}
    sound = {"data": base64.b64encode((clinic / "note.wav").read_bytes()).decode(), "format": "wav"}
    spoken = {"type": "input_audio", "input_audio": sound}
    found = asks.chat.completions.create(model="edge", messages=said(QUESTION, picture, spoken))
    answer = found.model_extra["edge_assistant"]
    assert {signal["kind"] for signal in answer["signals"]} == {"image", "audio"}
    assert any("penicillin" in one["text"] and "seconds" in one["locator"] for one in answer["evidence"])


def test_a_stream_brings_the_answer_its_field_and_the_usage(asks: openai.OpenAI) -> None:
    one = {"type": "file", "file": {"filename": "a.txt", "file_data": data_url(b"Allergies: latex.", "text/plain")}}
    options: Any = {"include_usage": True}
    stream = asks.chat.completions.create(
        model="edge", messages=said(QUESTION, one), stream=True, stream_options=options
    )
    chunks = list(stream)
    assert "latex" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    ended = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason == "stop"]
    assert [chunk.model_extra["edge_assistant"]["status"] for chunk in ended] == ["supported"]
    assert chunks[-1].usage is not None


def test_speech_is_heard_again(asks: openai.OpenAI, models: Any) -> None:
    made = asks.audio.speech.create(model="edge", voice="alloy", input="The pump is warm.", response_format="wav")
    with wave.open(io.BytesIO(made.content)) as file:
        assert file.getnframes() > file.getframerate()
    recording = ("speech.wav", made.content)
    heard = asks.audio.transcriptions.create(model="edge", file=recording)
    assert "pump" in heard.text.lower()
    whole: Any = asks.audio.transcriptions.create(
        model="edge", file=recording, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert whole.segments[0].text in whole.text
    assert whole.words[0].start < whole.words[-1].end <= whole.duration + 0.1
    titles: Any = asks.audio.transcriptions.create(model="edge", file=recording, response_format="srt")
    assert titles.startswith("1\n00:00:0")


def test_embeddings_come_in_both_forms(asks: openai.OpenAI) -> None:
    binary = asks.embeddings.create(model="edge", input=["a pump", "a dog"])
    numbers = asks.embeddings.create(model="edge", input="a pump", encoding_format="float")
    assert len(binary.data) == 2
    assert binary.data[0].embedding == pytest.approx(numbers.data[0].embedding)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"messages": []}, "the body is wrong"),
        ({"messages": [{"role": "user", "content": None}]}, "has no text"),
        ({"messages": said("hi", {"type": "image_url", "image_url": {"url": "http://x/y.png"}})}, "nothing is fetched"),
        ({"messages": said("hi", {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}})}, "is a link"),
        ({"messages": said("hi", {"type": "file", "file": {"file_data": "%%%"}})}, "is no base64"),
        ({"messages": said("hi", {"type": "file", "file": {"file_data": data_url(b"\x00\x01", "a/b")}})}, "is unknown"),
        ({"messages": said("hi"), "tools": [{}]}, "tools are not supported"),
    ],
)
def test_what_is_wrong_is_one_error(asks: openai.OpenAI, sent: dict[str, Any], told: str) -> None:
    with pytest.raises(openai.BadRequestError, match=told) as caught:
        asks.chat.completions.create(model="edge", **sent)
    assert json.loads(caught.value.response.text)["error"]["type"] == "invalid_request_error"
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_what_is_not_there_is_said_in_openai_s_shape(asks: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="there is no POST /v1/responses"):
        asks.responses.create(model="edge", input="hi")
