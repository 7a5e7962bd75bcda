r"""Home Assistant's own Wyoming integration against a gateway that runs; prints what docs/home-assistant.md shows.

Home Assistant needs Python 3.13 and an environment of its own:

    uv venv --python 3.13 ha
    uv pip install --python ha/bin/python homeassistant==2026.2.3 pytest-homeassistant-custom-component==0.13.316 \
        wyoming==1.7.2 hassil==3.5.0 home-assistant-intents==2026.1.28 pymicro-vad==1.0.1 pyspeex-noise==1.0.2 \
        mutagen ha-ffmpeg
    edge-assistant serve --wyoming 127.0.0.1:10300 &
    ha/bin/python -m pytest -c /dev/null -p no:cacheprovider -p no:logging -q -s -o asyncio_mode=auto \
        tools/home_assistant.py 2> /dev/null

The port is that of `PORT`. Home Assistant says on stderr that there is no FFmpeg, where there is none; it does without.
"""

from __future__ import annotations

import asyncio
import os
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from homeassistant import config_entries
from homeassistant.components import assist_pipeline, conversation, stt, tts
from homeassistant.components.assist_pipeline.pipeline import PipelineEvent, async_create_default_pipeline
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import chat_session
from homeassistant.setup import async_setup_component
from pytest_socket import socket_allow_hosts

EXAMPLES = Path(__file__).parents[1] / "examples"
STT, TTS, AGENT = "stt.edge_assistant", "tts.edge_assistant", "conversation.edge_assistant"
FORM = stt.SpeechMetadata(
    language="en",
    format=stt.AudioFormats.WAV,
    codec=stt.AudioCodecs.PCM,
    bit_rate=stt.AudioBitRates.BITRATE_16,
    sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
    channel=stt.AudioChannels.CHANNEL_MONO,
)


@pytest.fixture(autouse=True)
def surroundings(hass: HomeAssistant, socket_enabled: None, tmp_path: Path) -> None:
    """Let nothing but this machine be reached, and nothing be there that was spoken before."""
    socket_allow_hosts(["127.0.0.1"])
    hass.config.config_dir = str(tmp_path)


async def added(hass: HomeAssistant) -> config_entries.ConfigEntry:
    """Add the integration as a user does."""
    for name in ("homeassistant", "conversation", "assist_pipeline"):
        assert await async_setup_component(hass, name, {})
    began = time.monotonic()
    flow = await hass.config_entries.flow.async_init("wyoming", context={"source": config_entries.SOURCE_USER})
    given = {"host": "127.0.0.1", "port": int(os.environ.get("PORT", "10300"))}
    done = await hass.config_entries.flow.async_configure(flow["flow_id"], given)
    told("config flow", began, done["type"].value)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert {STT, TTS, AGENT} <= {*hass.states.async_entity_ids()}
    return done["result"]


def told(what: str, began: float, found: object) -> None:
    """Print a line of the session."""
    print(f"{what:>12} {time.monotonic() - began:5.2f} s  {found}")


async def spoken(name: str, silence_s: float = 0.0) -> AsyncIterator[bytes]:
    """An example as a microphone gives it, and silence behind it."""
    with wave.open(str(EXAMPLES / name)) as file:
        while data := file.readframes(480):
            yield data
            await asyncio.sleep(0.001)
    for _ in range(round(silence_s / 0.03)):
        yield bytes(960)


async def test_each_service(hass: HomeAssistant) -> None:
    """Recordings, questions and texts, each by itself."""
    print()
    entry = await added(hass)
    provider = stt.async_get_speech_to_text_engine(hass, STT)
    for name in ("clinic/note.wav", "expense/claim.wav"):
        began = time.monotonic()
        heard = await provider.async_process_audio_stream(FORM, spoken(name))
        told("hears", began, heard.text)
        assert heard.result is stt.SpeechResultState.SUCCESS
        assert heard.text

    id = None
    for text, part in (
        ("The allergies are latex. The dose is 5 mg.", "statement"),
        ("Which allergies are known?", "latex"),
        ("And the dose?", "5 mg"),
        ("How old is the moon?", ""),
    ):
        began = time.monotonic()
        found = await conversation.async_converse(hass, text, id, Context(), language="en", agent_id=AGENT)
        id, answer = found.conversation_id, found.response.speech["plain"]["speech"]
        told("asks", began, text)
        told("is told", began, f"{answer} ({found.response.response_type.value})")
        assert part in answer

    began = time.monotonic()
    media = tts.generate_media_source_id(hass, "The pump is warm. It runs.", TTS, "en_US", {"preferred_format": "wav"})
    _, data = await tts.async_get_media_source_audio(hass, media)
    told("speaks", began, f"{len(data):,} bytes")
    assert len(data) > 20_000

    stream = tts.async_create_stream(hass, TTS, "en_US", {"preferred_format": "wav"})

    async def written() -> AsyncIterator[str]:
        for piece in ("The pu", "mp is warm.\n\n", "It runs. And", " more."):
            yield piece
            await asyncio.sleep(0.2)

    stream.async_set_message_stream(written())
    began, size = time.monotonic(), 0
    async for part in stream.async_stream_result():
        if not size:
            told("speaks", began, "the first of a text that is still written")
        size += len(part)
    assert size > 20_000
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_pipeline(hass: HomeAssistant) -> None:
    """What is said into a satellite is a recording that a later question is answered from."""
    print()
    await added(hass)
    made = await async_create_default_pipeline(hass, stt_engine_id=STT, tts_engine_id=TTS, pipeline_name="Edge")
    assert made is not None
    await assist_pipeline.async_update_pipeline(
        hass, made, conversation_engine=AGENT, tts_language="en_US", stt_language="en"
    )
    with chat_session.async_get_chat_session(hass) as session:
        done: dict[str, Any] = {}
        began = time.monotonic()

        def take(event: PipelineEvent) -> None:
            done[event.type.value] = event.data
            told("pipeline", began, event.type.value)

        await assist_pipeline.async_pipeline_from_audio_stream(
            hass,
            context=Context(),
            event_callback=take,
            stt_metadata=FORM,
            stt_stream=spoken("clinic/note.wav", 2.0),
            pipeline_id=made.id,
            conversation_id=session.conversation_id,
            tts_audio_output={"preferred_format": "wav"},
            start_stage=assist_pipeline.PipelineStage.STT,
            end_stage=assist_pipeline.PipelineStage.TTS,
        )
        told("hears", began, done["stt-end"]["stt_output"]["text"])
        told("is told", began, done["intent-end"]["intent_output"]["response"]["speech"]["plain"]["speech"])
        stream = hass.data["tts_manager"].token_to_stream[done["tts-end"]["tts_output"]["token"]]
        size = len(b"".join([part async for part in stream.async_stream_result()]))
        told("speaks", began, f"{size} bytes")
        text = "Which allergies are known?"
        found = await conversation.async_converse(
            hass, text, session.conversation_id, Context(), language="en", agent_id=AGENT
        )
        answer = found.response.speech["plain"]["speech"]
        told("is told", began, answer)
        assert "penicillin" in answer
