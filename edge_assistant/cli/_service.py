"""What the resident does for the gateway: conversations, perception, speech and embeddings for other programs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_assistant.cli import question
from edge_assistant.cli.show import source
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import UsageError
from edge_assistant.core.events import Event, Perceived, Understood, Watch
from edge_assistant.core.evidence import Evidence, Speech
from edge_assistant.core.signals import SAID, Kind, Origin
from edge_assistant.governance.policy import policy
from edge_assistant.governance.policy.approval import Approve, Doubt, about
from edge_assistant.reasoning import forms, functions
from edge_assistant.reasoning.forms import FormObject
from edge_assistant.reasoning.functions import FunctionOffer
from edge_assistant.reasoning.sentences import asks
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.session.conversation import Conversation

if TYPE_CHECKING:
    from edge_assistant.cli._conversations import Conversations
    from edge_assistant.cli._warm import Warm
    from edge_assistant.resident.work import Send
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.storage.settings import Settings

_TOLD_WORDS = 2  # that tell something, at least, behind what asks for it


class _AskPersonFirst(Exception):
    """A person has to be asked by the client; meanwhile nothing waits here."""

    def __init__(self, questions: list[str]) -> None:
        super().__init__("a person has to confirm values first")
        self.questions = questions


def served(
    message: ServiceMessage, watch: Watch, send: Send, settings: Settings, kept: Warm
) -> tuple[Mapping[str, object], Callable[[], None]]:
    """Do what a gateway wants, as the policy and the settings of this process allow.

    Args:
        message: what is wanted.
        watch: is called with each event, redacted where the policy wants that.
        send: is called with parts: of a voice the samples of each sentence, of a recording what is understood so far.
        settings: of this process.
        kept: models that are loaded.

    Returns:
        The reply, and what remains to be done after it was sent. Instead of an answer it is `confirm`, the questions to
        a person, where the policy wants values confirmed and the client can ask one.

    Raises:
        EdgeAssistantError: as `Assistant.ask` and `Voice.speak`.
    """
    actions = {ServiceTask.SPEAK: "voice", ServiceTask.CHECK: "check"}
    given = {"microphone" if signal.origin is Origin.MICROPHONE else "attach" for signal in message.signals}
    for action in (actions.get(message.task, "ask"), *sorted(given)):
        policy.current().check_action(action)
    for signal in message.signals:  # whatever it is called: the name of what somebody said is no client's to give
        policy.current().check_signal(signal.kind, signal.origin)
    if message.conversation is not None and message.task is ServiceTask.ASK:
        message = replace(message, texts=(*kept.conversations.before(*message.conversation), *message.texts))
    asked = question.served_question(message, settings)
    with question.redaction(asked.redact, " ".join(message.texts), asked.names) as shown:
        assistant = question.assistant_for(asked, _approver(message, hidden=asked.redact), kept)
        match message.task:
            case ServiceTask.ASK | ServiceTask.CHECK:
                form = forms.parse(message.schema) if message.schema else None
                offer = functions.parse(message.tools) if message.tools else None
                try:
                    answer = _answered(message, assistant, asked.language, shown.watching(watch), kept.conversations)
                except _AskPersonFirst as error:
                    return {"confirm": error.questions}, assistant.settle
                found = shown.answer(answer)  # what is filled in comes from what is redacted, so that it is
                reply: dict[str, object] = {"answer": found, "note": shown.note, "sources": _sources(found)}
                reply |= _formal(form, offer, found, assistant, shown.watching(watch))
                return reply, assistant.settle
            case ServiceTask.PERCEIVE:
                evidence = _perceived(message, assistant, asked.language, shown, watch, None if asked.redact else send)
                if message.conversation is not None:
                    client, _ = message.conversation
                    text = " ".join(str(one["text"]) for one in evidence if "words" in one)
                    if text:
                        kept.conversations.heard(client, text, message.signals[-1].read())
                return {"evidence": evidence}, assistant.settle
            case ServiceTask.SPEAK:
                return _spoken(message, assistant, send), lambda: None
            case ServiceTask.EMBED:
                return _embedded(message, assistant), lambda: None


def _approver(message: ServiceMessage, *, hidden: bool) -> Approve | None:
    """Who confirms values: a person whom the client asks, in the words of the doubts of this very answer.

    Nobody is asked where only the operator may confirm, as no PIN may pass through a client, and where the answer is
    redacted, as the questions would tell what it hides.
    """
    if policy.current().operator_confirms or hidden:
        return None

    def approve(doubts: Sequence[Doubt]) -> bool:
        questions = [doubt.question for doubt in doubts]
        if message.confirmed is not None:
            return set(questions) <= set(message.confirmed)
        policy.current().record({"event": "asked by a client", **about(doubts)})
        raise _AskPersonFirst(questions)

    return approve if message.asks or message.confirmed is not None else None


def _answered(
    message: ServiceMessage, assistant: Assistant, language: str | None, watch: Watch, kept: Conversations
) -> Answer:
    """The answer to the last message of a conversation whose earlier ones are told again.

    What a client said into a microphone is a recording, with the confidence of what was understood.
    """
    client, id = message.conversation or ("", "")
    conversation = Conversation(assistant, language)
    for signal in message.signals:
        conversation.restore(signal)
    if message.task is ServiceTask.CHECK:
        return conversation.check(watch)
    *before, last = message.texts
    for text in before:
        conversation.recall(text, spoken=kept.recording(client, text))
    if message.schema:
        last = _asked(last, message.schema, conversation)
    answer = conversation.ask(last, watch, spoken=kept.recording(client, last))
    if id:
        kept.keep(client, id, message.texts)
    return answer


def _formal(
    form: FormObject | None, offer: FunctionOffer | None, answer: Answer, assistant: Assistant, watch: Watch
) -> dict[str, object]:
    """What of an answer goes into a client's schema, or into a call of its function, once that is written down."""
    assert assistant.auditor is not None
    if offer is not None:
        called = assistant.go_on(answer, lambda reasoner, below: reasoner.call(offer, answer, below), watch)
        if called is not None:
            assistant.auditor.filled(called.name, called.arguments, called.verdicts)
            call = {"called": called.name, "arguments": called.arguments, "refusal": called.refusal}
            return call | {"values": called.verdicts}
    if form is None:
        return {}
    filled = assistant.go_on(answer, lambda reasoner, below: reasoner.fill(form, answer, below), watch)
    assistant.auditor.filled("", filled.text, filled.verdicts)
    return {"filled": filled.text, "refusal": filled.refusal, "values": filled.verdicts}


def _asked(text: str, schema: str, conversation: Conversation) -> str:
    """The question beside a form; where a message asks nothing, or there is nothing else, it is what the form is of."""
    statements, question = conversation.assistant.parted(text)
    if question and (conversation.signals or (statements and asks(question))):
        return text
    head, _, behind = text.partition(":")
    told = behind if asks(head) and len(behind.split()) >= _TOLD_WORDS else text  # "Extract the day: we go on Friday"
    conversation.add(told.encode("utf-8", "replace"), Kind.TEXT, origin=Origin.USER, name=SAID)
    return forms.asks(forms.parse(schema))


def _sources(answer: Answer) -> list[str]:
    """A line for each citation: the signal, the place in it, and what stands there."""
    by_id = {item.id: item for item in answer.evidence}
    names = {signal.id: signal.name for signal in answer.signals}
    return [f"[{id}] {source(answer, by_id[id], names)}" for id in answer.citations]


def _perceived(
    message: ServiceMessage,
    assistant: Assistant,
    language: str | None,
    shown: question.Redaction,
    watch: Watch,
    send: Send | None,
) -> list[dict[str, object]]:
    """The evidence of each signal as it is shown; of speech with its words, unless it is redacted."""
    found: list[dict[str, object]] = []

    def take(event: Event) -> None:
        match event:
            case Understood(_, evidence):
                if send is not None:
                    send({"evidence": [_told(one) for one in evidence]})
            case Perceived(_, _, evidence, _):
                found.extend(map(_told, evidence))
                watch(event)
            case _:
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
