"""The units of systemd that make a machine a kiosk, as text.

The services run as the same dynamic user. The one with the models has the data, the key and the devices, and no
network; the gateway has the sockets that systemd hands over, and sees neither data nor key. They share the folder of
the resident's socket, in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

MODELS_UNIT = "edge-assistant.service"
GATEWAY_UNIT = "edge-assistant-gateway.service"
RETENTION_UNIT = "edge-assistant-retention.service"
TIMER_UNIT = "edge-assistant-retention.timer"
# What each does for the operator, who installed it: no PIN is asked.
VERBS = {MODELS_UNIT: ("resident",), GATEWAY_UNIT: ("serve",), RETENTION_UNIT: ("forget",)}

USER = "edge-assistant"
DATA = "/var/lib/edge-assistant"  # StateDirectory=; systemd makes it a link to DATA_OF_USER
DATA_OF_USER = "/var/lib/private/edge-assistant"
MODELS = "/var/lib/edge-assistant-models"
CONFIG = "/etc/edge-assistant"
MASTER, TOKEN = "/etc/credstore.encrypted/edge-assistant.master", "/etc/credstore.encrypted/edge-assistant.token"
GROUPS = {"video": "char-video4linux", "audio": "char-alsa", "dialout": "char-ttyUSB char-ttyACM char-ttyS"}
WATCHDOG_S = 90  # without a sign of work; longer than a client may take for a message (`resident.server.TAKES_S`)

_COMMON = f"""
User={USER}
DynamicUser=yes
UMask=0077
Environment=EDGE_ASSISTANT_RUN=/run/private/{USER}
CapabilityBoundingSet=
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateIPC=yes
PrivateNetwork=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RuntimeDirectory={USER}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service @sandbox
SystemCallFilter=~@privileged
"""

_STAYS = f"""
Type=notify
Restart=always
RestartSec=1
WatchdogSec={WATCHDOG_S}
"""

_WITH_DATA = f"""
Environment=EDGE_ASSISTANT_HOME={DATA} EDGE_ASSISTANT_MODELS={MODELS}
StateDirectory={USER}
StateDirectoryMode=0700
BindReadOnlyPaths=-{CONFIG}:{DATA_OF_USER}/config
LoadCredentialEncrypted=master:{MASTER}
IPAddressDeny=any
"""


def units(addresses: Mapping[str, str], groups: Iterable[str], python: str = sys.executable) -> dict[str, str]:
    """The units by file name.

    Args:
        addresses: on which the gateway listens, by protocol: `127.0.0.1:8011`.
        groups: of `GROUPS`, those that this machine has: of cameras, sound and serial ports.
        python: that runs the command.
    """
    quoted = python.replace("%", "%%")
    command = f'"{quoted}" -P -m edge_assistant.cli.main'
    sockets = {f"edge-assistant-{name}.socket": address for name, address in addresses.items()}
    return {
        MODELS_UNIT: _service("models, without a network", f"{command} resident run --minutes 0", _models(groups))
        + "\n[Install]\nWantedBy=multi-user.target\n",
        GATEWAY_UNIT: _service(
            "gateway for other programs",
            f"{command} serve --no-start --token-file %d/token",
            _gateway(sockets),
            f"After={MODELS_UNIT}\nWants={MODELS_UNIT}\n",
        ),
        RETENTION_UNIT: _service(
            "erasure of what has expired", f"{command} forget --expired", f"\nType=oneshot\n{_WITH_DATA}{_CLOSED}"
        ),
        TIMER_UNIT: _TIMER,
        **{file: _socket(file, address) for file, address in sockets.items()},
    }


_CLOSED = """
DevicePolicy=closed
PrivateDevices=yes
"""

# By the time since the start, as a kiosk may have no clock.
_TIMER = """[Unit]
Description=Edge Assistant: erasure of what has expired, every hour

[Timer]
OnBootSec=10min
OnUnitActiveSec=1h

[Install]
WantedBy=timers.target
"""


def _service(what: str, command: str, more: str, unit: str = "") -> str:
    lines = f"ExecStart={command}\n{more}{_COMMON}"
    head = f"[Unit]\nDescription=Edge Assistant: {what}\nStartLimitIntervalSec=0\n{unit}\n[Service]\n"
    return head + "".join(f"{line}\n" for line in lines.splitlines() if line)


def _models(groups: Iterable[str]) -> str:
    given = sorted(groups)
    devices = "".join(f"DeviceAllow={device} rw\n" for group in given for device in GROUPS[group].split())
    joined = f"SupplementaryGroups={' '.join(given)}\n" if given else ""
    return f"{_STAYS}{_WITH_DATA}DevicePolicy=closed\n{joined}{devices}"


def _gateway(sockets: Iterable[str]) -> str:
    home = f"/run/{USER}-gateway"
    return f"""{_STAYS}{_CLOSED}
Environment=EDGE_ASSISTANT_HOME={home}
RuntimeDirectory={USER}-gateway
BindReadOnlyPaths=-{CONFIG}:{home}/config
LoadCredentialEncrypted=token:{TOKEN}
Sockets={" ".join(sockets)}
"""


def _socket(file: str, address: str) -> str:
    name = file.removeprefix("edge-assistant-").removesuffix(".socket")
    return f"""[Unit]
Description=Edge Assistant: {name} for other programs

[Socket]
ListenStream={address}
FileDescriptorName={name}
Service={GATEWAY_UNIT}

[Install]
WantedBy=sockets.target
"""
