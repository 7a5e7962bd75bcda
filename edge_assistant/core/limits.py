"""All limits that what a person gives can meet: one table, from which docs/limits.md is made.

A limit of an algorithm that no input meets by itself stands beside the algorithm. What a policy may set lower is read
through `now` where it is looked at; the others are constants of their module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """One limit.

    Attributes:
        value: the most that is taken.
        unit: of the value.
        of: what is bounded.
        beyond: the code of the error where more is given, or what is left out.
        why: where the number comes from; empty where it is mere prudence.
        lowers: whether a policy may set it lower.
    """

    value: int
    unit: str
    of: str
    beyond: str
    why: str = ""
    lowers: bool = False

    @property
    def now(self) -> int:
        """The most that is taken in this process."""
        return _lowered.get(self, self.value)


_lowered: dict[Limit, int] = {}

FILE_BYTES = Limit(
    4 << 30, "bytes", "a file", "error input.too_large", "three hours of 48 kHz stereo WAV are 2 GiB", lowers=True
)
TEXT_BYTES = Limit(16 << 20, "bytes", "a text", "error input.too_large", "it is held in memory whole", lowers=True)
SIGNALS = Limit(200, "signals", "a question", "error usage", "what a person says beside questions counts", lowers=True)
EVIDENCE = Limit(
    100_000,
    "pieces of evidence",
    "all signals of a question",
    "the end is left out, with a note",
    "50 pages of small print are 75,000",
    lowers=True,
)
QUESTION_CHARACTERS = Limit(
    4_000, "characters", "a question", "error usage", "more would push the evidence out of the context", lowers=True
)
ANSWER_TOKENS = Limit(320, "tokens", "a sentence that the language model makes", "it ends there", lowers=True)
PICTURE_PIXELS = Limit(
    120_000_000,
    "pixels",
    "a picture or page, as declared",
    "error input.too_large",
    "the largest phone sensors give 108 megapixels, 360 MB as RGB",
    lowers=True,
)
PAGES = Limit(50, "pages", "a document", "the pages after it are left out, with a note", lowers=True)
SOUND_SECONDS = Limit(
    12 * 3600,
    "seconds",
    "a recording",
    "the rest is left out, with a note",
    "a few kilobytes can declare days of silence",
    lowers=True,
)
VIDEO_SECONDS = Limit(12 * 3600, "seconds", "a video", "the rest is left out, with a note", lowers=True)
SIGNAL_SECONDS = Limit(
    600,
    "seconds of computing",
    "a signal while it is perceived; of a recording or video one more for each 2 kB",
    "error input.too_large",
    "50 pages take 125 on two cores, an hour of speech 320; a slow machine four times as much",
    lowers=True,
)
READ_CHARACTERS = Limit(
    200_000,
    "characters",
    "a signal's evidence that are read for an answer",
    "the end is not read, which the answer says",
    "80 pages; code takes up to a quarter of a millisecond for each",
    lowers=True,
)
READ_PIECES = Limit(
    1_000,
    "pieces of evidence",
    "a signal that are read for an answer",
    "the end is not read, which the answer says",
    "lines of a log take code up to 60 ms each",
    lowers=True,
)
QUESTION_SECONDS = Limit(
    300,
    "seconds of computing",
    "an answer for each signal, once they are perceived",
    "error input.too_large",
    "the language model reads a signal in 5 on a common machine",
    lowers=True,
)
WORK_BYTES = Limit(
    3 << 30,
    "bytes",
    "memory by which a process grows while a signal is perceived, or an answer found",
    "error input.too_large",
    "the longest readings and the largest picture take half of it",
    lowers=True,
)
TURN_SECONDS = Limit(
    60,
    "seconds",
    "a process of the same user that another one waits for",
    "both compute side by side",
    "most questions are answered in less",
)
POLICY_BYTES = Limit(64 << 10, "bytes", "a policy file", "error policy.invalid: nothing is answered")
PICTURE_SIDE = Limit(65535, "pixels", "one side of a picture", "error input.too_large", "JPEG's own limit")
FRAME_PIXELS = Limit(8192 * 4320, "pixels", "a frame of a video", "error input.too_large", "8K")
SHOTS = Limit(
    12,
    "pictures",
    "a video that are looked at",
    "those that differ least are left out, with a note",
    "reading one full frame takes a second",
)
PAGE_LINES = Limit(
    1500, "lines", "a page that are read", "the smallest are left out", "a page of small print has about 300"
)
PAGE_RUNS = Limit(
    20000,
    "runs of text",
    "a page's text layer",
    "the page is read as a picture",
    "a dense page of a telephone book has about 2,000",
)
PAGE_MARKS = Limit(400, "boxes to tick", "a page", "the others are left out")
PAGE_CODES = Limit(64, "QR and bar codes", "a page", "the others are left out")
CODE_CHARACTERS = Limit(4_296, "characters", "a code", "the end is left out", "what the largest QR code holds")
OBJECTS = Limit(
    100, "objects", "a picture", "the less sure ones are left out", "beyond that nobody counts by looking either"
)
BROKEN_PACKETS = Limit(1000, "damaged packets", "a recording", "the rest is left out, with a note")
SPEECH_TOKENS = Limit(224, "tokens", "half a minute of speech", "the end is left out", "half of the decoder's context")
UTTERANCE_SECONDS = Limit(
    60, "seconds", "what is said into a microphone at once", "it is cut where it is quietest, and nothing is lost"
)
READINGS_COLUMNS = Limit(500, "columns", "readings, beside the time", "error input.too_large")
READINGS_CELLS = Limit(
    60_000_000,
    "cells",
    "readings",
    "error input.too_large",
    "8 bytes each; 10 million rows of two columns are 30 million",
)
READINGS_RAGGED = Limit(
    10_000, "rows", "readings whose cells do not fit the header", "error input.corrupt", "with more it is no table"
)
READINGS_NAME = Limit(200, "characters", "a column's name", "the end is left out")
READINGS_UNIT = Limit(32, "characters", "a column's unit", "it is left out", "a text in brackets is no unit")
READINGS_STATES = Limit(
    10_000,
    "different texts",
    "a column of readings",
    "the column is left out, with a note",
    "more are remarks or identifiers, and no states",
)
READINGS_EVIDENCE = Limit(
    60,
    "pieces of evidence",
    "readings",
    "those of less weight are left out, with a note",
    "more is no help to whoever reads it",
)
PASSAGE_CHARACTERS = Limit(
    600, "characters", "a passage of a text", "it is split", "a long paragraph, some 150 tokens of a prompt"
)
PASSAGES = Limit(20_000, "passages", "a text", "the end is left out, with a note", "12 MB of long paragraphs")
SEARCHED_CHARACTERS = Limit(
    4_000,
    "characters",
    "a text that are searched for days and times of readings",
    "the end is not searched",
    "more is no sentence",
)
CLAIMS = Limit(
    200, "values", "a signal that are compared without a question", "the others are left out", "a page has fifty"
)
STATEMENTS = Limit(
    200,
    "values",
    "texts that are compared with readings without a question",
    "the others are left out",
    "more is no remark",
)
CONTEXT_TOKENS = Limit(
    4_096,
    "tokens",
    "the language model's context",
    "what fits least is left out; of what cannot be, error usage",
    "a question, an instruction and the evidence's budget are below 3,000",
)
SETTINGS_BYTES = Limit(64 << 10, "bytes", "config.toml", "error usage", "a person sets some twenty keys")
DOMAIN_BYTES = Limit(64 << 10, "bytes", "a domain file", "error usage", "the shipped ones are a tenth of it")
FOLLOWED_BYTES = Limit(
    32 << 20,
    "bytes",
    "a followed file that are handed on at a time",
    "of a longer one the first line and the last rows are",
)
PORT_ROWS = Limit(100_000, "rows", "a serial port's readings", "the oldest are dropped", "a day at one a second")
PORT_LINE_BYTES = Limit(1_000, "bytes", "a line of a serial port", "it is no reading")
PORT_CELLS = Limit(100, "cells", "a line of a serial port", "the others are left out")
MICROPHONE_SECONDS = Limit(10, "seconds", "sound that waits to be listened to", "the oldest is dropped")
SPEAKER_SECONDS = Limit(600, "seconds", "sound that waits to be played", "error device.busy")
SPOKEN_CHARACTERS = Limit(10_000, "characters", "a text that is spoken", "the end is left out", "some ten minutes")
SPOKEN_SENTENCES = Limit(1_000, "sentences", "speech that waits", "the others are left out", "an answer has some")
FOLLOWED = Limit(
    16,
    "files and ports",
    "a conversation that are followed",
    "the others are taken once and not followed",
    "each has a thread that looks four times a second",
)
KEPT_BYTES = Limit(
    900_000_000, "bytes", "a captured signal in the history", "error storage.full", "SQLite takes 1,000,000,000"
)
RECALLED_BYTES = Limit(
    256 << 20,
    "bytes",
    "what was perceived and is kept for later questions",
    "what was used least is perceived again",
    "roughly; a table of the longest readings is 480 MB and is read again",
)
STATE_BYTES = Limit(
    384 << 20,
    "bytes",
    "what the language model has read and need not read again",
    "what was used least is read again",
    "28 KiB a token with 1.5B: 5,000 tokens of instructions, and the evidence of a dozen sources alone and together",
)
CACHED_BYTES = Limit(
    512 << 20,
    "bytes",
    "what was perceived and is kept between runs, sealed",
    "what was used least is perceived again",
    "a form takes 20 kB, ten minutes of speech 100 kB",
)
CACHED_STATES_BYTES = Limit(
    1 << 30,
    "bytes",
    "what the language model has read of files and is kept between runs, sealed",
    "what was used least is read again",
    "28 KiB a token with 1.5B: a page of a form takes 13 MB",
)
CACHED_PERCEPT_BYTES = Limit(
    64 << 20,
    "bytes",
    "what was perceived in one file and is kept between runs",
    "it is perceived again",
    "readings of two million rows; while it is sealed, memory holds it three times",
)
PHONEME_SECONDS = Limit(
    10, "seconds", "a run of the program espeak-ng, one at a time", "error voice.unavailable", "a sentence takes 10 ms"
)
PLAYED_SECONDS = Limit(300, "seconds", "a recording that is played back at once", "it ends there", "19 MB")
TURNS = Limit(50, "turns", "a conversation on the screen", "older ones are in the history only")
LOG_BYTES = Limit(1 << 20, "bytes", "one log file", "it is put aside, and the oldest is deleted")
DROPPED_PATHS = Limit(32, "paths", "what is pasted or dropped at once", "it is taken as words")
PASTED_LINES = Limit(
    6, "lines", "what is pasted into a question at once", "it is attached as a text", "the prompt shows six"
)
INPUTS = Limit(50, "questions and drafts", "the app that the arrow brings back", "the oldest are left out")
FOLDER_ENTRIES = Limit(
    5_000, "entries", "a folder in the app's list", "the others are left out, with a note", "a filter finds them"
)


def lasting(seconds: int) -> str:
    """A time in the largest unit that it is whole in.

    >>> lasting(43_200), lasting(90)
    ('12 hours', '90 seconds')
    """
    size, unit = next(
        (size, unit) for size, unit in ((3600, "hours"), (60, "minutes"), (1, "seconds")) if not seconds % size
    )
    return f"{seconds // size} {unit}"


@cache
def table() -> Mapping[str, Limit]:
    """Every limit by its name, in the order of this file."""
    return {name.lower(): value for name, value in globals().items() if isinstance(value, Limit)}


@contextmanager
def lowered(values: Mapping[str, int]) -> Iterator[None]:
    """Lower limits in this process, all threads included, until the block ends.

    Args:
        values: by name; none is over the limit that holds without it, and all may be lowered.
    """
    before = dict(_lowered)
    _lowered.update((table()[name], value) for name, value in values.items())
    try:
        yield
    finally:
        _lowered.clear()
        _lowered.update(before)
