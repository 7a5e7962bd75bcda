"""The one thread that computes: jobs in order, each posts messages; Escape stops the answer that is made.

It alone holds the conversation and the history. Heavy libraries are imported once the first job needs them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from edge_assistant.core.answer import Failure
from edge_assistant.core.errors import EdgeAssistantError, Stopped
from edge_assistant.core.events import Answered, Event, Failed
from edge_assistant.core.signals import Kind, Origin, Signal
from edge_assistant.session import dictation
from edge_assistant_tui import messages, pulls, shots
from edge_assistant_tui.foresight import Foresight
from edge_assistant_tui.history_writer import Keeping
from edge_assistant_tui.jobs import Jobs, queued

if TYPE_CHECKING:
    from edge_assistant.governance.policy.approval import Doubt
    from edge_assistant.history.store import History, Saved, Unsent
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.session.conversation import Conversation
    from edge_assistant_tui.options import Options

_log = logging.getLogger("edge_assistant.app")  # below the logger whose records reach the file
_STOPPED = ("stopped", "ask again")


class Work:
    """Does what the app asks for, one thing after the other, in a thread of its own."""

    def __init__(self, post: Callable[[Message], Any], options: Options) -> None:
        """Prepare.

        Args:
            post: hands a message to the app; may be called from any thread.
            options: profile, domain and language.
        """
        self._post = post
        self._options = options
        self._instead: Mapping[str, str] = {}  # models by role that are used instead of the profile's
        self._jobs = Jobs(lambda: self._foresight.stop())
        self._assistant: Assistant | None = None
        self._open: Conversation | None = None
        self._keeping = Keeping(lambda message: self._post(message), lambda: self._assistant)
        self._generation = 0  # a stop makes the questions that were asked before it void
        self._asked: list[int] = []  # turns that wait or are answered
        self._answering = self._closing = False
        self._perceiving: str | None = None  # id of the signal that is perceived outside of an answer
        self._unwanted: set[str] = set()  # ids of signals that are going to be removed
        self.confirming: Future[bool] | None = None  # what the person is asked while an answer waits
        self._opening = threading.Lock()  # of the assistant, which takes a moment
        self._foresight = Foresight(lambda: self.assistant(), lambda: self._open, post, self._jobs.put)
        self._dictation = dictation.Dictation(
            lambda: self.assistant(),
            lambda job: self._jobs.put(lambda: self._closing or job()),
            lambda written: self._post(messages.Heard(written.text, written.final, written.recording)),
            language=lambda: self._options.language,
            ahead=self._foresight.read,
        )
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    @property
    def running(self) -> bool:
        """Whether something is computed or waits for it."""
        return self._jobs.undone > 0

    @property
    def current(self) -> str | None:
        """The id of this conversation in the history; None where nothing of it is kept yet."""
        return self._keeping.current

    @property
    def history(self) -> History:
        """The history, for any thread; its methods may raise what `History` says."""
        return self._keeping.history

    def start(self) -> None:
        """Begin, and look for the models."""
        self._thread.start()
        self.look()

    def close(self, *, ended: bool = True) -> None:
        """End: what runs is stopped, what waits is not begun, the conversation is closed in the history if it ended."""
        if not self._thread.is_alive():
            return
        self._closing = True
        self.stop()
        self._halt()
        if ended:
            self._jobs.put(self._finish)
        self._jobs.end()
        self._thread.join(timeout=5)

    def stop(self) -> None:
        """Stop the question that is answered, and those that wait; signals are perceived further."""
        self._generation += 1
        if (confirming := self.confirming) is not None:
            confirming.cancel()
        for turn in self._asked.copy():  # said at once, also where a model is still being loaded
            self._post(messages.TurnStopped(turn))
        if self._answering:
            self._halt()

    def _look(self) -> None:
        """Look for the models of the profile again."""
        self._post(messages.Ready(pulls.missing(self._options.profile, self._instead)))
        self._keeping.offer()

    look = queued(_look)

    def attach(self, path: Path, kind: Kind | None = None) -> None:
        """Take a file as a signal and perceive it."""
        self._take(lambda: self._conversation().attach(path, kind))

    def add(self, data: bytes, kind: Kind, origin: Origin, name: str) -> None:
        """Take captured bytes as a signal and perceive it."""
        self._take(lambda: self._conversation().add(data, kind, origin=origin, name=name))

    def _take(self, take: Callable[[], Signal]) -> None:
        """Take a signal once its turn comes; whose it is, is noted now."""
        self._keeping.join()
        self._jobs.put(lambda: self._took(take()))

    @queued
    def renew(self, id: str, data: bytes) -> None:
        """Perceive a signal anew whose bytes have grown."""
        self._took(self._conversation().renew(id, data))

    def remove(self, id: str) -> None:
        """Take a signal out of the conversation, at once where it is being perceived."""
        self._unwanted.add(id)
        if self._perceiving == id:
            self._halt()
        self._jobs.put(partial(self._remove, id))

    @queued
    def restore(self, signals: Sequence[Signal]) -> None:
        """Put removed signals back."""
        for signal in signals:
            self._conversation().restore(signal)
            self._took(signal)

    def ask(self, turn: int, text: str | None, recording: bytes | None = None) -> None:
        """Answer a question, with the recording of its words if spoken; without a text, compare the signals."""
        self._asked.append(turn)
        self._keeping.join()
        self._jobs.put(partial(self._answer, turn, self._generation, text, recording))

    @queued
    def look_at(self, data: bytes, name: str, wanted: Callable[[], bool]) -> None:
        """See what is in a picture that is not a signal yet; when it becomes one, that is recalled."""

        def watch(event: Event | None) -> None:
            if self._closing or not wanted():
                raise Stopped("it is not wanted any more", "take another one")

        shots.look(self.assistant, data, name, watch, self._options.language, self._post)

    @queued
    def forget(self, data: bytes) -> None:
        """Forget what was perceived in bytes that did not become a signal."""
        dictation.forget(self.assistant(), data)

    @queued
    def let_go(self) -> None:
        """Let go of what was perceived and read, once what is kept of it was forgotten."""
        self._keeping.let_go()

    def relieve(self) -> None:
        """Give memory back where the machine runs short, once nothing else waits."""
        if self._assistant is not None:
            self._jobs.put(self._assistant.relieve, late=True)

    @queued
    def prepare(self) -> None:
        """Open what a spoken question needs while it is still spoken."""
        try:
            self.assistant().prepare()
        except EdgeAssistantError as error:
            _log.info("not prepared: %s", error)  # the person is told once they have spoken

    def typing(self) -> None:
        """Somebody types a question: what any question will need is read once nothing else waits."""
        self._foresight.typed()

    def begin_hearing(self) -> None:
        """Somebody begins to speak: what any question will need is read meanwhile."""
        self._dictation.begin()

    def hear(self, samples: Any, final: bool) -> None:  # noqa: ANN401 - float32 [n], numpy is not imported here
        """Write down speech, 16 kHz; a partial transcript is dropped while something else is computed."""
        if final or not self.running:
            self._dictation.hear(samples, final=final)

    def expect(self, samples: Any) -> None:  # noqa: ANN401 - float32 [n]
        """Write down speech that may be all; None where it is not, or is not wanted."""
        self._dictation.expect(samples)

    @queued
    def resume(self, saved: Saved) -> None:
        """Go on with a conversation of the history; a file that changed since is left out, as nobody asked about it."""
        self._finish()
        self._keeping.resume(saved)
        self._post(messages.ConversationResumed(saved))
        self._conversation().asked += [turn.answer["question"] for turn in saved.turns]
        for signal in saved.present:
            self._conversation().restore(signal)
            self._post(messages.Taken(signal))
            self._perceive_later(signal)

    @queued
    def discard(self, saved: Saved) -> None:
        """Let go of a conversation that was offered; it stays in the history."""
        self._keeping.guarded(lambda: self.history.close(saved.id))

    def note(self, unsent: Unsent) -> None:
        """Keep what is typed and not answered."""
        self._keeping.note(unsent)

    @queued
    def expire(self, days: int) -> None:
        """Forget the conversations that nothing was added to for some days."""
        self._keeping.expire(days)

    @queued
    def switch(self, options: Options, instead: Mapping[str, str]) -> None:
        """Go on with another profile, domain or language, or other models by role; signals are perceived anew."""
        signals = self._open.signals if self._open is not None else ()
        with self._opening:
            self._options, self._instead, self._assistant, self._open = options, instead, None, None
        for signal in signals:
            self._conversation().restore(signal)
            self._perceive_later(signal)
        self._look()  # before what waits behind this

    def begin(self) -> None:
        """Begin a new conversation; the old one stays in the history, and its signals are not perceived further."""
        self._keeping.leave()
        self._jobs.put(self._finish)
        if self._perceiving is not None:
            self._halt()  # behind that, it is no signal of the conversation any more

    def assistant(self) -> Assistant:
        """What perceives and answers; in this thread, but for what it opens for others: an endpointer, a voice."""
        with self._opening:
            if self._assistant is None:
                from edge_assistant.reasoning.rules import domain
                from edge_assistant.session.assistant import Assistant
                from edge_assistant_models.portfolio import Portfolio

                self._assistant = Assistant(
                    Portfolio(),
                    self._options.profile,
                    vocabulary=domain.load(self._options.domain) if self._options.domain else None,
                    instead=self._instead,
                    auditor=self._keeping.auditor(),
                    approve=self._approve,
                    caches=self._keeping.caches(wanted=self._options.cache),
                    gpu=self._options.gpu,
                    free_talk=self._options.free_talk,
                )
            return self._assistant

    def _approve(self, doubts: Sequence[Doubt]) -> bool:
        """Have the person confirm what the answer rests on; a stop ends the waiting."""
        self.confirming = Future()
        try:
            self._post(messages.Doubted(doubts, self.confirming))
            return self.confirming.result()
        except CancelledError:
            raise Stopped(*_STOPPED) from None
        finally:
            self.confirming = None

    def _halt(self) -> None:
        """What runs raises `Stopped`; where that was not meant, it begins again."""
        if (runs := self._open or self._assistant) is not None:
            runs.stop()

    def _run(self) -> None:
        for job in self._jobs:
            try:
                job()
            except EdgeAssistantError as error:
                self._post(messages.Notice(error.message, messages.hint(error)))
            except Exception as error:
                _log.exception("fault in the worker")
                what = f"A fault of ours ({type(error).__name__}: {error})"
                self._post(messages.Notice(what, "The log has the details; please report it.", timeout=None))
        self._keeping.quit()

    def _conversation(self) -> Conversation:
        if self._open is None:
            from edge_assistant.session.conversation import Conversation

            self._open = Conversation(self.assistant(), language=self._options.language)
        return self._open

    def _remove(self, id: str) -> None:
        self._unwanted.discard(id)
        removed = self._conversation().remove(id)
        self._keeping.write(lambda history, kept: history.remove_signal(kept, id))
        self._post(messages.Removed(removed))

    def _took(self, signal: Signal) -> None:
        """A new signal is shown and kept at once, and perceived once nothing else waits."""
        self._post(messages.Taken(signal))
        self._keeping.write(lambda history, kept: history.add_signal(kept, signal, signal.data))
        self._perceive_later(signal)

    def _perceive_later(self, signal: Signal) -> None:
        """A question that comes before is not held up: it perceives what it needs."""
        self._jobs.put(partial(self._perceive, signal), late=True)

    def _perceive(self, signal: Signal) -> None:
        """Perceive a signal; what fails is said of it, and it stays to be looked at or removed."""
        self._perceiving = signal.id
        try:
            if self._closing or signal.id in self._unwanted or signal not in self._conversation().signals:
                return  # it was removed, or renewed, while it waited
            self._conversation().perceive(signal.id, self._watch_signal)
        except Stopped:
            self._perceive_later(signal)  # unless it is removed by then, or all ends
        except EdgeAssistantError as error:
            self._fail(signal, error.code, error.message, messages.hint(error))
        except Exception:
            self._fail(signal, "fault", "a fault of ours", "the log has the details; please report it")
            raise
        finally:
            self._perceiving = None

    def _fail(self, signal: Signal, code: str, message: str, hint: str) -> None:
        self._post(messages.SignalTold(Failed(Failure(signal.id, code, message, hint))))

    def _watch_signal(self, event: Event) -> None:
        if self._closing or self._perceiving in self._unwanted:
            raise Stopped(*_STOPPED)
        self._post(messages.SignalTold(event))

    def _answer(self, turn: int, generation: int, text: str | None, recording: bytes | None) -> None:
        self._answering = True  # before the generation is looked at: `stop` counts it up first
        try:
            self._answered(turn, generation, text, recording)
        except Stopped:
            if generation == self._generation:  # else `stop` has said so
                self._post(messages.TurnStopped(turn))
        except EdgeAssistantError as error:
            self._post(messages.TurnFailed(turn, error.message, messages.hint(error)))
        except Exception:
            self._post(messages.TurnFailed(turn, "a fault of ours", "ask again; the log has the details"))
            raise
        else:
            self._jobs.put(lambda: self.assistant().settle(), late=True)
        finally:
            self._answering = False
            self._asked.remove(turn)

    def _answered(self, turn: int, generation: int, text: str | None, recording: bytes | None) -> None:
        """Answer a turn; a stop may come while there is nothing yet that it could reach."""
        if generation != self._generation:
            raise Stopped(*_STOPPED)
        conversation = self._conversation()
        known = {signal.id for signal in conversation.signals}

        def watch(event: Event) -> None:
            if generation != self._generation:
                raise Stopped(*_STOPPED)
            self._notice(known)
            if isinstance(event, Answered):  # first, as whoever sees the end of an answer may end the app
                self._keeping.write(lambda history, kept: history.add_turn(kept, event.answer))
            self._post(messages.TurnTold(turn, event))

        try:
            conversation.check(watch) if text is None else conversation.ask(text, watch, spoken=recording)
        finally:
            self._notice(known)  # what was stated beside a question stays, whatever became of that
            self._post(messages.PerceptionEnded())

    def _notice(self, known: set[str]) -> None:
        """Take what the person said beside a question, which is a signal by now."""
        for signal in self._conversation().signals:
            if signal.id not in known:
                known.add(signal.id)
                self._post(messages.Taken(signal))
                self._keeping.write(lambda history, kept, said=signal: history.add_signal(kept, said, said.data))  # type: ignore[misc]

    def _finish(self) -> None:
        """Close the conversation in the history and let go of its signals."""
        self._keeping.finish()
        self._open = None
