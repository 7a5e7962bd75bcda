"""`edge-assistant kiosk`: units of systemd for a machine that runs alone, and what it lacks."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_assistant.cli import _units, doctor
from edge_assistant.core.errors import UsageError
from edge_assistant.core.extras import PACKAGES
from edge_assistant.core.signals import printable
from edge_assistant.serve import processes
from edge_assistant.session import health
from edge_assistant.session.health import DoctorCheck

NAME = "kiosk"
HELP = "let systemd run the models and the gateway, or the app on a screen, and say what is missing for that"

EXAMPLES = """examples:
  edge-assistant kiosk install
  edge-assistant kiosk install --http 127.0.0.1:8011 --wyoming 192.168.1.5:10300 --output units
  edge-assistant kiosk install --screen                            the app on tty1, no gateway
  edge-assistant kiosk install --screen tty1 --http 127.0.0.1:8011   both
  edge-assistant kiosk check

exit status of check: 0 nothing is missing, 1 something is"""

SYSTEM_UNITS = Path("/etc/systemd/system")
_HIDDEN = ("/root", "/home", "/run/user")  # from services with ProtectHome=
_SECRET = "systemd-creds encrypt --name={} - {}"  # noqa: S105 - a command
_HINTS = {
    _units.MASTER: "head -c 32 /dev/urandom | " + _SECRET.format("master", _units.MASTER),
    _units.TOKEN: "openssl rand -hex 24 | tee /dev/tty | " + _SECRET.format("token", _units.TOKEN),
}
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
_HARDWARE_CLOCK = Path("/dev/rtc0")
_LISTENS = "ListenStream="
_CALLED = {"mcp": "MCP", "wyoming": "Wyoming, such as Home Assistant"}
_SOCKETS = ("http", *_CALLED)
_HTTP, _SCREEN = "127.0.0.1:8011", "tty1"
_EXTRAS = {_units.GATEWAY_UNIT: ("serve",), _units.SCREEN_UNIT: ("tui", "audio", "serial")}
_WITHOUT = ("audio", "serial")  # of which the app still works, with no microphone or speaker, or no serial port
_LACKS = "import sys, importlib.util as i; print(*(name for name in sys.argv[1:] if i.find_spec(name) is None))"
_ANSWERS_S = 10.0  # systemctl


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="kiosk_verb", metavar="VERB", required=True, parser_class=type(parser))
    install = verbs.add_parser("install", help="write the units; nothing is started")
    install.add_argument("--output", metavar="DIR", type=Path, default=SYSTEM_UNITS, help=f"({SYSTEM_UNITS})")
    install.add_argument(
        "--screen", metavar="TTY", nargs="?", const=_SCREEN, help=f"show the app to visitors on a terminal ({_SCREEN})"
    )
    listens = f"on which the gateway listens ({_HTTP}; nowhere if there is a screen and no other address)"
    install.add_argument("--http", metavar="ADDRESS:PORT", help=listens)
    for name in ("mcp", "wyoming"):
        install.add_argument(f"--{name}", metavar="ADDRESS:PORT", help=f"and for clients of {_CALLED[name]}")
    check = verbs.add_parser("check", help="say line by line what is there and what is missing")
    check.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Write the units, or look at everything that they need.

    Raises:
        UsageError: an address is none, or a terminal.
        StorageFull: the units cannot be written.
    """
    if args.kiosk_verb == "install":
        return _install(args)
    with _data_of_services():
        return doctor.report(list(checks()), args.json)


@contextlib.contextmanager
def _data_of_services() -> Iterator[None]:
    """Look at the data of the services; what goes by itself after a verb, such as retention, is for their user."""
    before = dict(os.environ)
    os.environ.update(EDGE_ASSISTANT_HOME=_units.DATA, EDGE_ASSISTANT_MODELS=_units.MODELS)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _install(args: argparse.Namespace) -> int:
    from edge_assistant.storage import atomic

    named = {name: address for name in _SOCKETS if (address := getattr(args, name)) is not None}
    if "http" not in named and (named or args.screen is None):
        named["http"] = _HTTP
    for address in named.values():
        processes.address(address)
    made = _units.units(named, _groups(), None if args.screen is None else _terminal(args.screen))
    with atomic.storing("a unit", "run it as root, or write elsewhere to look at them: --output DIR"):
        args.output.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            with atomic.writing(args.output / name) as stream:
                stream.write(text.encode())
            (args.output / name).chmod(0o644)
        former = [
            name
            for name in sorted({*_units.SERVICES, *map(_units.socket_unit, _SOCKETS)} - set(made))
            if (args.output / name).exists()
        ]
        for name in former:
            (args.output / name).unlink()
    print(f"written to {args.output}: {', '.join(made)}")
    if former:
        print(f"removed, as they are no longer asked for: {', '.join(former)}")
    if not (readable := installation()).ok:
        print(f"warning: {readable.found} - {readable.hint}", file=sys.stderr)
    if args.output == SYSTEM_UNITS:
        print(f"next: systemctl daemon-reload; systemctl enable --now {' '.join(_enabled())}")
        print("then: edge-assistant kiosk check")
    return 0


def _terminal(name: str) -> str:
    """The name of a terminal below /dev.

    Raises:
        UsageError: it is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9]+(/[0-9]+)?", name := name.removeprefix("/dev/")):
        raise UsageError(f"{printable(name)} is no terminal", f"name one of /dev, such as {_SCREEN}")
    return name


def _groups() -> list[str]:
    """The groups of devices that this machine has: a service of another does not start."""
    import grp

    there = {group.gr_name for group in grp.getgrall()}
    return [group for group in _units.GROUPS if group in there]


def _enabled() -> list[str]:
    """The units that are started with the machine; sockets start the gateway."""
    services = [name for name in (_units.MODELS_UNIT, _units.SCREEN_UNIT) if (SYSTEM_UNITS / name).exists()]
    return [*services, *(path.name for path in _sockets()), _units.TIMER_UNIT]


def _sockets() -> list[Path]:
    return sorted(SYSTEM_UNITS.glob("edge-assistant-*.socket"))


def _serves() -> bool:
    """Whether there is to be a gateway: a screen alone needs none."""
    return bool(_sockets()) or not (SYSTEM_UNITS / _units.SCREEN_UNIT).exists()


def checks() -> Iterator[DoctorCheck]:
    """Everything that the units need, one after the other."""
    from edge_assistant.storage import settings

    yield installation()
    yield from units()
    yield from extras()
    yield from policies()
    secrets = {"key": _units.MASTER} | ({"token": _units.TOKEN} if _serves() else {})
    for name, file in secrets.items():
        there = Path(file).exists()
        yield DoctorCheck(name, there, file if there else f"{file} is not there", "" if there else _HINTS[file])
    for check in health.models(settings.load({}, Path(_units.CONFIG, settings.FILE)).profile):
        pulls = check.hint.startswith("edge-assistant models pull")
        yield replace(check, hint=f"EDGE_ASSISTANT_MODELS={_units.MODELS} {check.hint}") if pulls else check
    yield from health.folders()
    yield from health.devices()
    yield clock()


def installation() -> DoctorCheck:
    """Whether a service can read the program: home folders are hidden from it."""
    hidden = [path for path in (sys.base_prefix, sys.prefix) if path.startswith(tuple(f"{one}/" for one in _HIDDEN))]
    if hidden:
        hint = "install Python and the package elsewhere, such as in /opt/edge-assistant"
        return DoctorCheck("installation", False, f"services cannot read {hidden[0]}", hint)
    return DoctorCheck("installation", True, sys.prefix)


def units() -> Iterator[DoctorCheck]:
    """Whether the units are there, start with the machine, and run."""
    serving = (_units.MODELS_UNIT, _units.GATEWAY_UNIT) if _serves() else ()
    wanted = [*serving, _units.RETENTION_UNIT, _units.TIMER_UNIT]
    missing = [name for name in wanted if not (SYSTEM_UNITS / name).exists()]
    if missing:
        yield DoctorCheck("units", False, f"{', '.join(missing)} not in {SYSTEM_UNITS}", "edge-assistant kiosk install")
        return
    yield DoctorCheck("units", True, f"in {SYSTEM_UNITS}")
    for name in _enabled():
        enabled = _systemctl("is-enabled", name) == "enabled"
        asked = _systemctl("show", "--property=ActiveState,StatusText,NRestarts", name).splitlines()
        state = dict(line.split("=", 1) for line in asked)
        active = state.get("ActiveState", "systemd does not run here")
        told = [active, state.get("StatusText", ""), f"{state['NRestarts']} restarts" if "NRestarts" in state else ""]
        found = f"{'starts' if enabled else 'does not start'} with the machine; {', '.join(filter(None, told))}"
        good = enabled and active == "active" and "degraded" not in found
        hint = f"see 'systemctl status {name}'" if enabled else f"systemctl enable --now {name}"
        yield DoctorCheck(name, good, found, "" if good else hint)


def extras() -> Iterator[DoctorCheck]:
    """Whether the Python that each unit names has the packages that its program needs."""
    for unit, wanted in _EXTRAS.items():
        if not (file := SYSTEM_UNITS / unit).exists():
            continue
        python = _python(file.read_text("utf-8", "replace"))
        for extra in wanted:
            name, lacks = f"packages '{extra}'", _said(python, "-P", "-c", _LACKS, *PACKAGES[extra])
            if lacks is None:
                yield DoctorCheck(name, False, f"{python} does not run", "install it, then the units anew")
            elif lacks:
                hint = f"{shlex.quote(python)} -m pip install 'edge-assistant-offline[{extra}]'"
                yield DoctorCheck(name, None if extra in _WITHOUT else False, f"{python} lacks {lacks}", hint)
            else:
                yield DoctorCheck(name, True, f"of {python}")


def _python(unit: str) -> str:
    """The Python that a unit runs; drop-ins are not looked at."""
    begins = unit.partition("ExecStart=")[2].partition("\n")[0]
    return (begins[1:].partition('"')[0] if begins.startswith('"') else begins.partition(" ")[0]).replace("%%", "%")


def _systemctl(*words: str) -> str:
    """What systemd says; empty if it does not run."""
    return _said("systemctl", *words) or ""


def _said(*command: str) -> str | None:
    """What a command prints; None if it cannot be run, or says that it failed and nothing else."""
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWERS_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() if asked.returncode == 0 or asked.stdout else None


def policies() -> Iterator[DoctorCheck]:
    """Whether there is a policy that only the administrator can change, and it allows what the sockets listen on.

    One that is wrong has ended this verb before, as every other.
    """
    from edge_assistant.core.errors import PolicyRefused
    from edge_assistant.governance.policy import policy, policy_file

    if not policy.SYSTEM.exists():
        yield DoctorCheck("policy", False, f"{policy.SYSTEM} is not there", "write one, see docs/kiosk.md")
        return
    if wrong := policy_file.exposed(policy.SYSTEM):
        yield DoctorCheck("policy", False, wrong[0], "edge-assistant policy check")
        return
    yield DoctorCheck("policy", True, str(policy.SYSTEM))
    rules = policy.Policy(policy_file.read(policy.SYSTEM))
    if (SYSTEM_UNITS / _units.SCREEN_UNIT).exists():
        what = "are expected" if rules.roles else "the policy has no roles.pin, so that the screen erases nothing"
        yield DoctorCheck("visitors", rules.roles, what, "" if rules.roles else "edge-assistant policy pin")
    for value in _listening():
        try:
            rules.check_address(processes.address(value)[0])
        except PolicyRefused as error:
            yield DoctorCheck(f"address {value}", False, error.message, error.hint)
        else:
            yield DoctorCheck(f"address {value}", True, "allowed by the policy")


def _listening() -> list[str]:
    """The addresses of the sockets, as their units have them."""
    lines = [line for file in _sockets() for line in file.read_text("utf-8", "replace").splitlines()]
    return [line.removeprefix(_LISTENS) for line in lines if line.startswith(_LISTENS)]


def clock() -> DoctorCheck:
    """Whether the time is set by somebody: the audit trail and retention in days rest on it."""
    newest = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
    now = time.strftime("%Y-%m-%d %H:%M")
    if time.time() < newest:
        return DoctorCheck("clock", False, f"{now} is before this program was installed", "set it: date --set")
    if _SYNCHRONIZED.exists():
        return DoctorCheck("clock", True, f"{now}, set over the network")
    if _HARDWARE_CLOCK.exists():
        return DoctorCheck("clock", True, f"{now}, kept by a clock with a battery")
    hint = "add a clock with a battery; without, times in the audit trail are wrong after a power cut"
    return DoctorCheck("clock", None, f"{now}, and nothing keeps it without power", hint)
