"""The video sense: what is seen and read where the scene changes, and what is heard, each with its seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from edge_assistant.core.errors import InputError
from edge_assistant.core.evidence import Evidence, Locator
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.sense import Percept, Request, Sense

if TYPE_CHECKING:
    from edge_assistant.perception.frames import Shot
    from edge_assistant.perception.senses.objects import Objects
    from edge_assistant.perception.senses.speech import SpeechSense
    from edge_assistant.perception.senses.writing import Writing

_CUT, _LOOKED = 0.3, 0.7  # of the progress: shots found, frames looked at; then the sound is heard


class Video(Sense):
    """Looks at one frame of each shot with the senses of pictures, and listens with that of recordings.

    It does what the models there are allow, and says what it did not do.
    """

    name: ClassVar[str] = "video"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VIDEO})
    optional_roles: ClassVar[tuple[str, ...]] = ("detector", "classifier", "faces", "writing", "speech", "vad")
    seconds: ClassVar[float] = 5.0

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Find the shots, look at each, hear the sound.

        Raises:
            InputError: see `frames.shots`.
            ModelError: a model cannot be loaded.
        """
        from edge_assistant.perception.decoders.client import shots as shots_of

        shots, notes = shots_of(signal, self.runtime.threads, lambda done: request.progress(done * _CUT))
        seen: list[list[Evidence]] = []
        for number, shot in enumerate(shots, 1):
            seconds = (round(shot.start, 2), round(shot.end, 2))
            found = self._look(shot, signal.id)
            seen.append([replace(item, locator=replace(item.locator, seconds=seconds)) for item in found])
            request.progress(_CUT + (_LOOKED - _CUT) * number / len(shots))
        heard, more = self._listen(signal, request)
        request.progress(1.0)
        evidence = sorted(_told_once(seen) + heard, key=lambda item: (item.locator.seconds or (0.0, 0.0))[0])
        return Percept(tuple(evidence), notes=(*notes, *self._not_done(signal.name), *more))

    @cached_property
    def _objects(self) -> Objects | None:
        from edge_assistant.perception.senses.objects import Objects

        return Objects(self.models, self.runtime) if self._has(Objects) else None

    @cached_property
    def _writing(self) -> Writing | None:
        from edge_assistant.perception.senses.writing import Writing

        return Writing(self.models, self.runtime) if self._has(Writing) else None

    @cached_property
    def _speech(self) -> SpeechSense | None:
        from edge_assistant.perception.senses.speech import SpeechSense

        return SpeechSense(self.models, self.runtime) if self._has(SpeechSense) else None

    def _has(self, sense: type[Sense]) -> bool:
        return all(role in self.models for role in sense.roles)

    def _look(self, shot: Shot, signal: str) -> Iterable[Evidence]:
        """What the senses of pictures see in the frame of a shot."""
        if self._objects:
            yield from self._objects.look(shot.page.rgb, signal, lambda box: Locator(box=shot.page.in_picture(box)))
        if self._writing:
            yield from self._writing.read(shot.page, signal)

    def _listen(self, signal: Signal, request: Request) -> tuple[list[Evidence], tuple[str, ...]]:
        """What is said, and notes; sound that is damaged takes nothing from the pictures."""
        from edge_assistant.perception.decoders.client import has_sound

        if self._speech is None or not has_sound(signal):
            return [], ()
        hearing = replace(request, progress=lambda done: request.progress(_LOOKED + (1 - _LOOKED) * done))
        try:
            percept = self._speech.perceive(signal, hearing)
        except InputError as error:
            return [], (f"the sound of {signal.name} was not heard: {error.message}",)
        return list(percept.evidence), percept.notes

    def _not_done(self, name: str) -> Iterable[str]:
        """What was left out for want of a model."""
        for sense, what in (
            (self._objects, "objects in it were not looked for"),
            (self._writing, "writing in it was not read"),
            (self._speech, "its sound was not heard"),
        ):
            if sense is None:
                yield f"{name}: {what}, for want of a model"


def _told_once(seen: list[list[Evidence]]) -> list[Evidence]:
    """Evidence of all shots; what stands the same in several shots on end is told once, with the seconds of all."""
    told: list[Evidence] = []
    before: dict[tuple[str, object, int], int] = {}
    for shot in seen:
        now: dict[tuple[str, object, int], int] = {}
        for item in shot:
            number = sum(key[:2] == (item.text, item.detail) for key in now)
            key = (item.text, item.detail, number)
            if key in before and item.locator.seconds and (first := told[before[key]].locator).seconds:
                seconds = (first.seconds[0], item.locator.seconds[1])
                told[before[key]] = replace(told[before[key]], locator=replace(first, seconds=seconds))
                now[key] = before[key]
            else:
                now[key] = len(told)
                told.append(item)
        before = now
    return told
