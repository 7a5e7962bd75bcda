"""Which microphones and speakers there are: those of the sound server where one runs, else the sound cards."""

from __future__ import annotations

from edge_assistant.core.errors import DeviceMissing
from edge_assistant.devices import portaudio, pulseaudio
from edge_assistant.devices.portaudio import SoundDevice
from edge_assistant.devices.pulseaudio import Direction, Node

_SERVER = "pulse"  # what ALSA's plugin for PulseAudio is called
_WORDS = {"input": "microphone", "output": "speaker"}


def names(direction: Direction) -> list[str]:
    """What a person can choose from, the default first; nothing where there is no library for sound."""
    try:
        return [found.name for found in _there(direction)[0]]
    except DeviceMissing:
        return []


def find(wanted: str | None, direction: Direction) -> SoundDevice:
    """A device by its name, the server's name for it, or a part of its name; the default one by None.

    What a sink plays is a source too, and what a microphone must not take by itself: it has to be named in full.

    Raises:
        DeviceMissing: it is not there, or the library for sound is not.
    """
    word = _WORDS[direction]
    there, hidden = _there(direction)
    if wanted is not None:
        for found in there + hidden:
            if wanted in (found.name, found.node):
                return found
        for found in there:
            if wanted.casefold() in found.name.casefold():
                return found
    if not there:
        raise DeviceMissing(f"there is no {word}", "plug one in, or see that the sound server runs")
    if wanted is None:
        return there[0]
    names = " or ".join(found.name for found in there[:5])
    raise DeviceMissing(f"there is no {word} {wanted}", f"plug it in, or choose {names}")


def gone(found: SoundDevice, direction: Direction) -> bool:
    """Whether the server has lost a source or sink; it hands its streams on to another one in silence."""
    nodes = pulseaudio.nodes(direction) if found.node else None
    return nodes is not None and all(node.id != found.node for node in nodes)


def _there(direction: Direction) -> tuple[list[SoundDevice], list[SoundDevice]]:
    """The devices to choose from, the default first, and those that are there too and have to be named in full."""
    server = _server(direction)
    nodes = pulseaudio.nodes(direction) if server else None
    if nodes is None:
        portaudio.renew()
        server = _server(direction)
        nodes = pulseaudio.nodes(direction) if server else None
    if server is None or nodes is None:
        return _cards(direction)
    found = [(node, _at(server, node)) for node in nodes]
    return [this for node, this in found if not node.monitor], [this for node, this in found if node.monitor]


def _server(direction: Direction) -> SoundDevice | None:
    return next((found for found in portaudio.devices(direction) if found.name == _SERVER), None)


def _at(server: SoundDevice, node: Node) -> SoundDevice:
    return SoundDevice(node.name, server.index, node.rate, node.default, node=node.id)


def _cards(direction: Direction) -> tuple[list[SoundDevice], list[SoundDevice]]:
    """What PortAudio has; ALSA's plugins, of which there are a dozen, are hidden but for the default."""
    found = sorted(portaudio.devices(direction), key=lambda found: not found.default)
    return [this for this in found if this.card or this.default], [this for this in found if not this.card]
