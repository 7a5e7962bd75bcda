"""Phonemes by the program espeak-ng, run as a process of its own.

espeak-ng is GPL-3: nothing of it is linked or shipped, the program is used where it is installed. A text reaches it by
standard input only, a clause a line, so that no text is ever taken for an option.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence

from edge_assistant.core import limits
from edge_assistant.core.errors import VoiceUnavailable

_PROGRAM = "espeak-ng"
_TIMEOUT_S = float(limits.PHONEME_SECONDS.value)
_TRIES = 2  # one that was killed is started again
_SWITCH = re.compile(r"\([a-z-]+\)")  # espeak-ng notes so that a word is of another language
_VOICE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+){0,3}")


def program() -> str:
    """Where espeak-ng is.

    Raises:
        VoiceUnavailable: it is not installed.
    """
    path = shutil.which(_PROGRAM)
    if path is None:
        raise VoiceUnavailable(
            "spoken answers need the program espeak-ng", "install it, for example by: apt install espeak-ng"
        )
    return path


def phonemes(clauses: Sequence[str], voice: str) -> list[str]:
    """What clauses sound like, in the International Phonetic Alphabet.

    Args:
        clauses: without marks that espeak-ng would pause at, and not empty.
        voice: of espeak-ng, such as `en-us`.

    Returns:
        One text for each clause; where espeak-ng divides them otherwise, one text for each line of its own.

    Raises:
        VoiceUnavailable: the program is not installed, or fails again and again.
    """
    if not clauses:
        return []
    if not _VOICE.fullmatch(voice):
        raise VoiceUnavailable("the voice names no language of espeak-ng", "pull the voice again")
    command = [program(), "-q", "--ipa", "-b", "1", "-v", voice]
    lines = "".join(f"{' '.join(clause.split())}\n" for clause in clauses)
    for _ in range(_TRIES):
        try:
            run = subprocess.run(
                command, input=lines.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_TIMEOUT_S
            )
        except (subprocess.TimeoutExpired, OSError):
            continue
        if run.returncode == 0:
            spoken = _SWITCH.sub("", run.stdout.decode("utf-8", "replace")).splitlines()
            return [" ".join(line.split()) for line in spoken if line.strip()]
    raise VoiceUnavailable("the program espeak-ng fails", "see whether 'espeak-ng -q --ipa hello' prints phonemes")
