"""A question as `ask` and `check` put it: to the resident, or to an assistant in this process."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_assistant.cli import given, terminal
from edge_assistant.core.answer import Answer
from edge_assistant.governance.offline import lock
from edge_assistant.governance.policy import policy
from edge_assistant.resident import client, compared
from edge_assistant.resident.protocol import QuestionMessage, ServiceMessage
from edge_assistant.storage.settings import FILE, Settings
from edge_assistant_models import paths

if TYPE_CHECKING:
    from edge_assistant.cli._warm import Warm
    from edge_assistant.cli.show import Console
    from edge_assistant.core.events import Watch
    from edge_assistant.governance.audit.auditor import Auditor
    from edge_assistant.governance.policy.approval import Approve
    from edge_assistant.governance.redaction.answers import AnswerRedaction
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.vault.vault import Vault


class AnswerReply(NamedTuple):
    """An answer.

    Attributes:
        answer: redacted where that is wanted.
        note: about all of it, empty if there is none.
        settle: stores what a later run can use; to be called after the output.
    """

    answer: Answer
    note: str
    settle: Callable[[], None]


def put(args: argparse.Namespace, text: str | None) -> QuestionMessage:
    """The question of a command line.

    Args:
        args: with the options and settings.
        text: the question; None to compare.

    Raises:
        UsageError, InputError, PolicyRefused: a signal cannot be taken, see `given.take`.
    """
    settings = args.settings
    redact = args.redact or policy.current().redacts_answers
    names = tuple(Path(path).name for _, path in args.given)
    with _errors_redacted(redact, text or "", names):
        signals, failures = given.take(args.given, args.strict)
    domain = args.domain or settings.domain
    return QuestionMessage(
        text=text,
        signals=tuple(signals),
        failed=tuple(failures),
        names=names,
        profile=args.profile or settings.profile,
        language=args.language or settings.language,
        domain=domain,
        folder=os.fspath(Path.cwd()) if domain else "",
        seed=getattr(args, "seed", 0),
        strict=args.strict,
        redact=redact,
        cache=settings.cache,
        free_talk=settings.free_talk,
        gpu=settings.gpu,
        began=args.began,
    )


def answer(args: argparse.Namespace, question: QuestionMessage, console: Console) -> AnswerReply:
    """Have a question answered: by the resident if it can, else here.

    Raises:
        ResidentLost: the resident ended in the middle of the answer.
        EdgeAssistantError: see `Assistant.ask`.
    """
    allowed = policy.current()
    approve = terminal.approver(allowed, console.clear)
    if args.alone and lock.state().locked:
        try:
            if allowed.roles and allowed.unlocked:
                raise client.Unavailable("the operator's PIN counts here alone")
            if approve is not None and allowed.rules.approval.confirm_below is not None:
                raise client.Unavailable("a person may have to confirm values")
            return AnswerReply(*client.ask(question, facts(args.settings), console.watch), lambda: None)
        except client.Unavailable as error:
            if args.trace and str(error):
                print(f"resident: not used, as {error}", file=sys.stderr)
    return answered(question, console.watch, approve)


def served_question(message: ServiceMessage, settings: Settings) -> QuestionMessage:
    """What a gateway asks as a question under the settings of this process."""
    return QuestionMessage(
        text=message.texts[-1] if message.texts else None,
        signals=message.signals,
        failed=(),
        names=tuple(signal.name for signal in message.signals),
        profile=settings.profile,
        language=message.language or settings.language,
        domain=settings.domain,
        folder="",
        seed=0,
        strict=False,
        redact=policy.current().redacts_answers,
        cache=settings.cache,
        free_talk=settings.free_talk,
        gpu=settings.gpu,
        began=time.perf_counter(),
    )


def answered(
    question: QuestionMessage, watch: Watch, approve: Approve | None = None, warm: Warm | None = None
) -> AnswerReply:
    """Answer a question in this process.

    Args:
        question: what is asked.
        watch: is called with each event, redacted where that is wanted.
        approve: asks a person to confirm values; None if there is nobody.
        warm: what a resident keeps.

    Raises:
        EdgeAssistantError: see `Assistant.ask`.
    """
    with redaction(question.redact, question.text or "", question.names) as shown:
        assistant = assistant_for(question, approve, warm)
        watch = shown.watching(watch)
        signals, failed, strict = question.signals, question.failed, question.strict
        language, began = question.language, question.began
        if question.text is None:
            found = assistant.check(signals, watch, failed=failed, language=language, strict=strict, began=began)
        else:
            found = assistant.ask(
                question.text, signals, watch, failed=failed, language=language, seed=question.seed, strict=strict,
                began=began,
            )  # fmt: skip
        return AnswerReply(shown.answer(found), shown.note, assistant.settle)


def facts(settings: Settings) -> dict[str, str]:
    """What has to be equal of a command and the resident, see `compared.facts`."""
    return compared.facts(**{"policy and settings": rules(), "log": settings.log_level, "GPU": settings.gpu})


def rules() -> str:
    """A digest of the policy and the settings on disk; that one cannot be read counts, too."""
    return compared.digest(map(_digest, (policy.place(), paths.config_dir() / FILE)))


def _digest(file: Path | None) -> str:
    try:
        return f"{file} {file and compared.digest([file.read_text('utf-8', 'surrogateescape')])}"
    except OSError as error:
        return f"{file} {error.errno}"


def assistant_for(question: QuestionMessage, approve: Approve | None, warm: Warm | None) -> Assistant:
    """The assistant for a question.

    Raises:
        UsageError: the domain file cannot be used.
        PolicyRefused: the profile may not be chosen.
    """
    from edge_assistant.reasoning.rules import domain
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.vault.vault import Vault

    chosen = question.domain
    if chosen and chosen not in domain.names():
        chosen = os.fspath(Path(question.folder) / chosen)
    vocabulary = domain.load(chosen) if chosen else None
    vault = Vault()  # one for all, so that its key is asked for once
    return Assistant(
        terminal.portfolio(),
        question.profile,
        runtime=None if warm is None else warm.runtime,
        vocabulary=vocabulary if warm is None else warm.vocabulary(vocabulary),
        auditor=_auditor(vault),
        approve=approve,
        caches=vault if question.cache else None,
        gpu=question.gpu,
        residency=None if warm is None else warm.residency,
        free_talk=question.free_talk,
    )


def _auditor(vault: Vault) -> Auditor:
    """What writes the question down; each is a conversation of its own."""
    from edge_assistant.governance.audit.auditor import Auditor
    from edge_assistant.governance.audit.trail import Trail

    conversation = secrets.token_hex(8)
    return Auditor(Trail(vault=vault), lambda: conversation)


class _Plainly:
    """In place of a redaction where none was asked for."""

    note = ""

    def __enter__(self) -> _Plainly:
        return self

    def __exit__(self, *raised: object) -> None:
        """Let an error be."""

    def watching(self, watch: Watch) -> Watch:
        """Events as they are."""
        return watch

    def answer(self, answer: Answer) -> Answer:
        """An answer as it is."""
        return answer


if TYPE_CHECKING:
    Redaction = AnswerRedaction | _Plainly


def redaction(wanted: bool, text: str, names: tuple[str, ...]) -> Redaction:
    """What the output goes through; it knows the question and the names of the files."""
    if not wanted:
        return _Plainly()
    from edge_assistant.governance.redaction.answers import AnswerRedaction
    from edge_assistant.governance.redaction.redactor import Redactor

    made = AnswerRedaction(Redactor(secrets.token_bytes(32)))
    made.text(text)
    for name in names:
        made.file(name)
    return made


@contextlib.contextmanager
def _errors_redacted(wanted: bool, text: str, names: tuple[str, ...]) -> Iterator[None]:
    """Redact an error, if there is one: to load the rules takes long."""
    try:
        yield
    except Exception:
        with redaction(wanted, text, names):
            raise
