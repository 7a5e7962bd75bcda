"""What the resident does for the gateway: conversations, perception, speech and embeddings for other programs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge_assistant.cli import question
from edge_assistant.cli.show import source
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import UsageError
from edge_assistant.core.events import Event, Perceived, Watch
from edge_assistant.core.evidence import Evidence, Speech
from edge_assistant.core.signals import Origin
from edge_assistant.governance.policy import policy
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.session.conversation import Conversation

if TYPE_CHECKING:
    from edge_assistant.cli._warm import Warm
    from edge_assistant.resident.server import Send
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.storage.settings import Settings


def served(
    message: ServiceMessage, watch: Watch, send: Send, settings: Settings, kept: Warm
) -> tuple[Mapping[str, object], Callable[[], None]]:
    """Do what a gateway wants, as the policy and the settings of this process allow.

    Args:
        message: what is wanted.
        watch: is called with each event, redacted where the policy wants that.
        send: is called with parts: of speech the samples of each sentence.
        settings: of this process.
        kept: models that are loaded.

    Returns:
        The reply, and what remains to be done after it was sent.

    Raises:
        EdgeAssistantError: as `Assistant.ask` and `Voice.speak`.
    """
    actions = {ServiceTask.SPEAK: "voice", ServiceTask.CHECK: "check"}
    given = {"microphone" if signal.origin is Origin.MICROPHONE else "attach" for signal in message.signals}
    for action in (actions.get(message.task, "ask"), *sorted(given)):
        policy.current().check_action(action)
    asked = question.served_question(message, settings)
    with question.redaction(asked.redact, " ".join(message.texts), asked.names) as shown:
        assistant = question.assistant_for(asked, None, kept)
        match message.task:
            case ServiceTask.ASK | ServiceTask.CHECK:
                answer = _answered(message, assistant, asked.language, shown.watching(watch))
                found = shown.answer(answer)
                return {"answer": found, "note": shown.note, "sources": _sources(found)}, assistant.settle
            case ServiceTask.PERCEIVE:
                return {"evidence": _perceived(message, assistant, asked.language, shown, watch)}, assistant.settle
            case ServiceTask.SPEAK:
                return _spoken(message, assistant, send), lambda: None
            case ServiceTask.EMBED:
                return _embedded(message, assistant), lambda: None


def _answered(message: ServiceMessage, assistant: Assistant, language: str | None, watch: Watch) -> Answer:
    """The answer to the last message of a conversation whose earlier ones are told again, as its clients do."""
    conversation = Conversation(assistant, language)
    for signal in message.signals:
        assistant.policy.check_signal(signal.kind, signal.origin)
        conversation.restore(signal)
    if message.task is ServiceTask.CHECK:
        return conversation.check(watch)
    *before, last = message.texts
    for text in before:
        conversation.recall(text)
    return conversation.ask(last, watch)


def _sources(answer: Answer) -> list[str]:
    """A line for each citation: the signal, the place in it, and what stands there."""
    by_id = {item.id: item for item in answer.evidence}
    names = {signal.id: signal.name for signal in answer.signals}
    return [f"[{id}] {source(answer, by_id[id], names)}" for id in answer.citations]


def _perceived(
    message: ServiceMessage, assistant: Assistant, language: str | None, shown: question.Redaction, watch: Watch
) -> list[dict[str, object]]:
    """The evidence of each signal as it is shown; of speech with its words, unless it is redacted."""
    found: list[dict[str, object]] = []

    def take(event: Event) -> None:
        if isinstance(event, Perceived):
            found.extend(map(_told, event.evidence))
        watch(event)

    for signal in message.signals:
        assistant.perceive(signal, shown.watching(take), language)
    return found


def _told(one: Evidence) -> dict[str, object]:
    told = one.to_json()
    if isinstance(one.detail, Speech):
        words = [
            {"word": word.text, "start": word.start, "end": word.end, "probability": word.probability}
            for word in one.detail.words
        ]
        told |= {"words": words, "language": one.detail.language}
    return told


def _spoken(message: ServiceMessage, assistant: Assistant, send: Send) -> dict[str, object]:
    """Speech as 16-bit samples, sentence by sentence."""
    import numpy as np

    voice = assistant.models.voice()
    for samples in voice.speak(message.texts[-1]):
        data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        send({"rate": voice.rate, "samples": base64.b64encode(data).decode("ascii")})
    return {"rate": voice.rate}


def _embedded(message: ServiceMessage, assistant: Assistant) -> dict[str, object]:
    """Embeddings as little-endian float32, f32 [texts, dimensions]."""
    embedder = assistant.models.meaning()
    if embedder is None:
        raise UsageError("the profile has no model for embeddings", "take one that has: edge-assistant models list")
    found = embedder.embed(message.texts)
    return {"vectors": [base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") for row in found]}
