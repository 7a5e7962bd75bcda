"""The units of systemd that make a machine a kiosk, as text.

The services run as the same dynamic user. Those with the models, which are the resident and the app on a screen, have
the data, the key and the devices, and no network; the gateway has the sockets that systemd hands over, and sees neither
data nor key. They share the folder of the resident's socket, in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

MODELS_UNIT = "edge-assistant.service"
GATEWAY_UNIT = "edge-assistant-gateway.service"
SCREEN_UNIT = "edge-assistant-screen.service"
RETENTION_UNIT = "edge-assistant-retention.service"
TIMER_UNIT = "edge-assistant-retention.timer"
SERVICES = (MODELS_UNIT, GATEWAY_UNIT, SCREEN_UNIT, RETENTION_UNIT)
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

# Not of the app: cffi, by which PortAudio calls Python, writes code to be run.
_NO_NEW_CODE = """
MemoryDenyWriteExecute=yes
"""

_STAYS = f"""
Type=notify
Restart=always
RestartSec=1
LimitNOFILE=8192
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


def units(addresses: Mapping[str, str], groups: Iterable[str], screen: str | None = None) -> dict[str, str]:
    """The units by file name.

    Args:
        addresses: on which the gateway listens, by protocol: `127.0.0.1:8011`. With a screen there may be none, and
            then there is neither a gateway nor a resident.
        groups: of `GROUPS`, those that this machine has: of cameras, sound and serial ports.
        screen: the terminal in `/dev` on which the app is shown, such as `tty1`; None for none.
    """
    quoted = sys.executable.replace("%", "%%")
    command = f'"{quoted}" -P -m edge_assistant.cli.main'
    made = {
        RETENTION_UNIT: _service(
            "erasure of what has expired",
            f"{command} forget --expired",
            f"\nType=oneshot\n{_WITH_DATA}{_CLOSED}{_NO_NEW_CODE}",
        ),
        TIMER_UNIT: _TIMER,
    }
    if screen is not None:
        made[SCREEN_UNIT] = _screen(command, screen, groups)
    return made | _serving(command, addresses, groups) if addresses or screen is None else made


def _serving(command: str, addresses: Mapping[str, str], groups: Iterable[str]) -> dict[str, str]:
    """The resident, the gateway and its sockets."""
    sockets = {socket_unit(name): _socket(name, address) for name, address in addresses.items()}
    return {
        MODELS_UNIT: _service(
            "models, without a network", f"{command} resident run --minutes 0", f"{_with_models(groups)}{_NO_NEW_CODE}"
        )
        + _STARTS,
        GATEWAY_UNIT: _service(
            "gateway for other programs",
            f"{command} serve --no-start --token-file %d/token",
            _gateway(sockets),
            f"After={MODELS_UNIT}\nWants={MODELS_UNIT}\n",
        ),
        **sockets,
    }


_STARTS = """
[Install]
WantedBy=multi-user.target
"""

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


def _with_models(groups: Iterable[str]) -> str:
    given = sorted(groups)
    devices = "".join(f"DeviceAllow={device} rw\n" for group in given for device in GROUPS[group].split())
    joined = f"SupplementaryGroups={' '.join(given)}\n" if given else ""
    return f"{_STAYS}{_WITH_DATA}DevicePolicy=closed\n{joined}{devices}"


def _screen(command: str, terminal: str, groups: Iterable[str]) -> str:
    """The app on a terminal, which systemd clears and takes from whoever had it, before and after."""
    gettys = " ".join(f"{getty}@{terminal.replace('/', '-')}.service" for getty in ("getty", "serial-getty"))
    more = f"""
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/{terminal}
TTYReset=yes
TTYVHangup=yes
TTYVTDisallocate=yes
Environment=TERM=linux HOME=/tmp
{_with_models(groups)}
DeviceAllow=/dev/{terminal} rw
"""
    return (
        _service(
            f"app on {terminal}", command, more, f"Conflicts={gettys}\nAfter={gettys} plymouth-quit-wait.service\n"
        )
        + _STARTS
    )


def _gateway(sockets: Iterable[str]) -> str:
    home = f"/run/{USER}-gateway"
    return f"""{_STAYS}{_CLOSED}{_NO_NEW_CODE}
Environment=EDGE_ASSISTANT_HOME={home}
RuntimeDirectory={USER}-gateway
BindReadOnlyPaths=-{CONFIG}:{home}/config
LoadCredentialEncrypted=token:{TOKEN}
Sockets={" ".join(sockets)}
"""


def socket_unit(name: str) -> str:
    """The file of the unit with the address of a protocol."""
    return f"edge-assistant-{name}.socket"


def _socket(name: str, address: str) -> str:
    return f"""[Unit]
Description=Edge Assistant: {name} for other programs

[Socket]
ListenStream={address}
FreeBind=yes
FileDescriptorName={name}
Service={GATEWAY_UNIT}

[Install]
WantedBy=sockets.target
"""
