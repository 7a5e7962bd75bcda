"""Camera, microphone and voice as a person handles them; the handlers here own their state.

All are off at first. What is captured stays here until it is sent: a picture as it was taken, speech as its transcript.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer

from edge_assistant_tui import messages
from edge_assistant_tui.answer_speaker import AnswerSpeaker
from edge_assistant_tui.device_threads import NEVER, Listening, Looking
from edge_assistant_tui.shots import Snapshot, take
from edge_assistant_tui.widgets.camera import CameraView, found
from edge_assistant_tui.widgets.meter import Meter, described
from edge_assistant_tui.widgets.status import OnAir, StatusBar

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

Mode = Literal["off", "talk", "free"]


class Capture(Vertical):
    """The preview, the level of the microphone, and what is switched on."""

    DEFAULT_CSS = """
    Capture { height: auto; display: none; }
    Capture.seeing, Capture.hearing { display: block; }
    Capture CameraView, Capture Meter { display: none; }
    Capture.seeing CameraView, Capture.hearing Meter { display: block; }
    """
    app: AppInterface

    @dataclass
    class Spoke(Message):
        """What a person said, written down.

        Attributes:
            recording: its WAV.
            send: whether to ask it at once: nobody is at the keys.
        """

        text: str
        recording: bytes | None
        send: bool

    @dataclass
    class Done(Message):
        """There is nothing more to do at the preview; where a picture was `sent`, the typed words go with it."""

        sent: bool = False

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._mode: Mode = "off"
        self._hears: list[bool] = []  # for each utterance that is being written down, whether it is to be sent
        self._shot: Snapshot | None = None
        self._seeing = self._suspended = self._voiced = False
        self._hidden: Timer | None = None  # while another screen is on top

    def on_mount(self) -> None:
        """Be ready; nothing is opened."""
        work, playback = self.app.work, self.app.playback
        self._jobs = ThreadPoolExecutor(1, "devices")
        self._spoken = AnswerSpeaker(self._post, lambda: work.assistant().models.voice())
        self._looking = Looking(self._post, self._jobs)
        self._listening = Listening(
            self._post,
            self._jobs,
            lambda: work.assistant().models.endpointer(),
            work,
            lambda: self._spoken.speaking or playback.audible,
            lambda: self._spoken.sounding or playback.playing,
        )
        if self.app.settings.spoken_answers:
            self.toggle_voice()

    def compose(self) -> ComposeResult:
        """The parts, hidden until they are on."""
        yield CameraView()
        yield Meter()

    def on_unmount(self) -> None:
        """Let all devices go."""
        self._looking.stop()
        self._listening.stop(keep=False)
        self._spoken.close()
        self._jobs.shutdown(wait=False)

    # The camera

    def toggle_camera(self) -> None:
        """Switch the camera on, or off."""
        if self._seeing:
            self._camera_off()
        else:
            self._seeing = True
            self._say("camera", "opening")
            self._looking.start(self.app.options.camera)

    def suspend(self) -> None:
        """The conversation is hidden: so is the preview, and the camera is off; what else is on is said there."""
        self._hidden = self._hidden or self.set_interval(0.2, self._say_elsewhere)
        if self._seeing and self._shot is None:
            self._suspended = True
            self._looking.stop()
            self._say("camera", "off")

    def resume(self) -> None:
        """The conversation is seen again."""
        if self._hidden is not None:
            self._hidden.stop()
            self._hidden = None
        if self._suspended:
            self._suspended, self._seeing = False, False
            self.toggle_camera()

    def _camera_off(self) -> None:
        self._drop()
        self._looking.stop()
        self._seeing = self._suspended = False
        had_focus = self.query_one(CameraView).has_focus
        self.query_one(CameraView).clear()
        self.remove_class("seeing")
        self._say("camera", "off")
        if had_focus:
            self.post_message(self.Done())

    @on(messages.Pictured)
    def _told_pictured(self, event: messages.Pictured) -> None:
        if self._seeing and self._shot is None:
            self.query_one(CameraView).show(event.picture)
        self._looking.shown()

    @on(CameraView.Resized)
    def _told_resized(self, event: CameraView.Resized) -> None:
        self._looking.cells = event.cells

    @on(CameraView.Taken)
    async def _told_taken(self) -> None:
        frame, number = self._looking.frame, self._looking.number
        if frame is None:
            return
        shot = await asyncio.to_thread(take, frame)  # a large picture takes longer than a key may
        if not self._seeing or self._shot is not None or number != self._looking.number:
            return
        self._shot = shot
        self.query_one(CameraView).freeze(self.app.gettext("looking ..."))
        await self.query_one(CameraView).hold(shot)
        self.app.work.look_at(shot.data, shot.name, lambda: self._shot is shot)

    @on(messages.Looked)
    async def told_looked(self, event: messages.Looked) -> None:
        """What was found in the picture that was taken."""
        if self._shot is None or self._shot.name != event.name:
            return
        words, boxes = found(event.evidence)
        await self.query_one(CameraView).hold(self._shot, boxes)
        self.query_one(CameraView).tell(event.error or words)

    @on(CameraView.Sent)
    def _told_sent(self) -> None:
        if self.send():
            self.post_message(self.Done(sent=True))

    def send(self) -> bool:
        """Send the picture that was taken; whether there was one."""
        from edge_assistant.core.signals import Kind, Origin

        shot, self._shot = self._shot, None
        if shot is not None:
            self.app.work.add(shot.data, Kind.IMAGE, Origin.CAMERA, shot.name)
            self.query_one(CameraView).thaw()
        return shot is not None

    @on(CameraView.Dropped)
    def _drop(self) -> None:
        if self._shot is not None:
            self.app.work.forget(self._shot.data)
            self._shot = None
            self.query_one(CameraView).thaw()

    # The microphone

    def talk(self) -> None:
        """Begin to listen, or end what is being said and write it down."""
        if self._mode == "off":
            self._listen("talk", NEVER)
        else:
            self._hush(keep=True)

    def toggle_hands_free(self) -> None:
        """Listen until switched off; each pause ends something that is asked at once."""
        if (before := self._mode) != "off":
            self._hush(keep=False)
        if before != "free":
            self._listen("free", self.app.settings.pause_s)

    def _listen(self, mode: Mode, pause_s: float) -> None:
        self._mode, self._listening.pause_s = mode, pause_s
        self.silence()
        self._say("microphone", "opening")
        self.app.work.prepare()
        self._listening.start(self.app.options.microphone)

    def _hush(self, *, keep: bool) -> None:
        """Switch the microphone off."""
        if keep:
            self._hears.append(self._mode == "free")
        self._listening.stop(keep=keep)
        self._mode = "off"
        self._meter()
        self._say("microphone", "off")
        self.set_class(bool(self._hears), "hearing")

    @on(messages.Loud)
    def _told_loud(self, event: messages.Loud) -> None:
        self._listening.shown()
        if self._mode == "off":
            return  # the last it heard
        self.query_one(Meter).dbfs = event.dbfs
        self._meter(speaking=event.speaking)

    @on(messages.SpeechBegan)
    def _told_began(self) -> None:
        self.silence()
        self.query_one(Meter).heard = ""

    @on(messages.SpeechEnded)
    def _told_ended(self, event: messages.SpeechEnded) -> None:
        if event.nothing:
            self._settled()
        elif self._mode != "off":
            self._hears.append(self._mode == "free")
            self._meter()

    @on(messages.Interrupted)
    def _told_interrupted(self) -> None:
        self.silence()
        self.app.playback.stop()

    def hear(self, event: messages.Heard) -> None:
        """What was said, as far as it is written down."""
        if not event.final:
            self.query_one(Meter).heard = event.text
            return
        send = self._settled()
        if event.text.strip():
            self.post_message(self.Spoke(event.text.strip(), event.recording, send))

    def _settled(self) -> bool:
        """An utterance is done with; whether it was to be sent."""
        send = self._hears.pop(0) if self._hears else False
        self.query_one(Meter).heard = ""
        self._meter()
        if not self._hears:
            self.set_class(self._mode != "off", "hearing")
        return send

    def _meter(self, *, speaking: bool = False) -> None:
        meter, deaf = self.query_one(Meter), self._mode != "off" and self._spoken.speaking
        meter.state = described(self._mode, speaking=speaking, deaf=deaf, writing=bool(self._hears))

    # The voice

    def toggle_voice(self) -> None:
        """Speak answers, or do not."""
        self._voiced = not self._voiced
        if self._voiced:
            self._say("voice", "opening")
            self._spoken.start(self.app.options.speaker)
        else:
            self._spoken.stop()
            self._say("voice", "off")

    def speak(self, sentence: str) -> None:
        """Say a sentence of an answer, where answers are spoken."""
        if self._voiced and self._mode != "talk" and self._spoken.say(sentence):
            bar = self.screen.query_one(StatusBar)
            bar.voice = bar.voice if bar.voice == "lost" else "speaking"

    def silence(self) -> bool:
        """Stop what is spoken; whether anything was."""
        silenced = self._spoken.silence()
        if silenced:
            self._say("voice", "on")
        return silenced

    # All

    @property
    def engaged(self) -> bool:
        """Whether what somebody said is written down, or they listen to an answer or to evidence."""
        return bool(self._hears) or self._spoken.speaking or self.app.playback.audible

    def leave(self) -> None:
        """Switch camera and microphone off and forget what was said: nobody is there any more."""
        self._hears.clear()
        self._listening.forget()
        self._hush(keep=False)
        self.query_one(Meter).heard = ""
        if self._seeing:
            self._camera_off()

    def configured(self, keys: Collection[str]) -> None:
        """Something was set: what is on goes on with it."""
        options, settings = self.app.options, self.app.settings
        if "camera" in keys and self._seeing and not self._suspended:
            self._looking.stop()
            self._looking.start(options.camera)
        if "microphone" in keys and self._mode != "off":
            self._listening.stop(keep=False)
            self._listen(self._mode, NEVER if self._mode == "talk" else settings.pause_s)
        if "pause_s" in keys and self._mode == "free":
            self._listening.pause_s = settings.pause_s
        if "speaker" in keys and self._voiced:
            self._spoken.start(options.speaker)
        if "spoken_answers" in keys and settings.spoken_answers != self._voiced:
            self.toggle_voice()

    def escape(self) -> bool:
        """Stop or drop what is under way: speech first, then what was taken; whether there was anything."""
        if self.silence():
            return True
        if self._shot is not None:
            self._drop()
            return True
        if self._mode == "talk":
            self._hush(keep=False)
            return True
        return False

    @on(messages.DeviceChanged)
    def _told_changed(self, event: messages.DeviceChanged) -> None:
        numbers = {"camera": self._looking.number, "microphone": self._listening.number, "voice": self._spoken.number}
        if event.number != numbers[event.device]:
            return  # of one that was switched off since
        match event.change:
            case "opened" | "back":
                self._opened(event)
            case "heard" if self._voiced:
                self._say("voice", "on")
            case "lost" if self._say(event.device, "lost"):
                self.notify(event.text, title=f"The {event.device} is lost", severity="warning", markup=False)
            case "failed":
                self._off(event.device)
                title = f"The {event.device} cannot be used"
                self.notify(event.text, title=title, severity="error", timeout=10, markup=False)
            case "closed":
                self._off(event.device)

    def _opened(self, event: messages.DeviceChanged) -> None:
        match event.device:
            case "camera" if self._seeing:
                self._say("camera", "on")
                self.add_class("seeing")
                if event.change == "opened" and not self.query_one(CameraView).worded:  # else somebody types
                    self.query_one(CameraView).focus()
            case "microphone" if self._mode != "off":
                self._say("microphone", "recording" if self._mode == "talk" else "hands-free")
                self._meter()
                self.add_class("hearing")
            case "voice" if self._voiced:
                self._say("voice", "on")
        if event.change == "back":
            self.notify(self.app.gettext("{} is back.").format(event.text), markup=False)

    def _off(self, device: str) -> None:
        """A device is at its end by itself."""
        if device == "camera" and self._seeing and not self._suspended:
            self._camera_off()
        elif device == "microphone" and self._mode != "off":
            self._hush(keep=True)
        elif device == "voice" and self._voiced:
            self.toggle_voice()

    def _say_elsewhere(self) -> None:
        """Have every screen that hides this one say what is on."""
        OnAir.over(self.app.screen, self.screen.query_one(StatusBar))

    def _say(self, device: str, state: str) -> bool:
        """Show how a device stands; whether it stood otherwise before."""
        bar = self.screen.query_one(StatusBar)
        before = getattr(bar, device)
        setattr(bar, device, state)
        return bool(before != state)

    def _post(self, message: Message) -> None:
        """Tell a handler, from any thread; what comes when the app is gone is told nobody."""
        with suppress(RuntimeError):  # what Textual, or the loop, raises where the app is at its end
            self.post_message(message)
