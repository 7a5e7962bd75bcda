"""`edge-assistant kiosk`: units of systemd for a machine that runs alone, and what it lacks."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_assistant.cli import _units, doctor
from edge_assistant.serve import processes
from edge_assistant.session import health
from edge_assistant.session.health import DoctorCheck

NAME = "kiosk"
HELP = "let systemd run the models and the gateway, and say what is missing for that"

EXAMPLES = """examples:
  edge-assistant kiosk install
  edge-assistant kiosk install --http 127.0.0.1:8011 --output units
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
_ANSWERS_S = 10.0  # systemctl


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="kiosk_verb", metavar="VERB", required=True, parser_class=type(parser))
    install = verbs.add_parser("install", help="write the units; nothing is started")
    install.add_argument("--output", metavar="DIR", type=Path, default=SYSTEM_UNITS, help=f"({SYSTEM_UNITS})")
    install.add_argument(
        "--http", metavar="ADDRESS:PORT", default="127.0.0.1:8011", help="on which the gateway listens (%(default)s)"
    )
    check = verbs.add_parser("check", help="say line by line what is there and what is missing")
    check.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Write the units, or look at everything that they need.

    Raises:
        UsageError: an address is none.
        StorageFull: the units cannot be written.
    """
    if args.kiosk_verb == "install":
        return _install(args)
    os.environ.update(EDGE_ASSISTANT_HOME=_units.DATA, EDGE_ASSISTANT_MODELS=_units.MODELS)
    return doctor.report(list(checks()), args.json)


def _install(args: argparse.Namespace) -> int:
    from edge_assistant.storage import atomic

    processes.address(args.http)
    made = _units.units({"http": args.http}, _groups())
    with atomic.storing("a unit", "run it as root, or write elsewhere to look at them: --output DIR"):
        args.output.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            with atomic.writing(args.output / name) as stream:
                stream.write(text.encode())
            (args.output / name).chmod(0o644)
    print(f"written to {args.output}: {', '.join(made)}")
    if not (readable := installation()).ok:
        print(f"warning: {readable.found} - {readable.hint}", file=sys.stderr)
    if args.output == SYSTEM_UNITS:
        print(f"next: systemctl daemon-reload; systemctl enable --now {' '.join(_enabled())}")
        print("then: edge-assistant kiosk check")
    return 0


def _groups() -> list[str]:
    """The groups of devices that this machine has: a service of another does not start."""
    import grp

    there = {group.gr_name for group in grp.getgrall()}
    return [group for group in _units.GROUPS if group in there]


def _enabled() -> list[str]:
    """The units that are started with the machine; sockets start the gateway."""
    sockets = sorted(path.name for path in SYSTEM_UNITS.glob("edge-assistant-*.socket"))
    return [_units.MODELS_UNIT, *sockets, _units.TIMER_UNIT]


def checks() -> Iterator[DoctorCheck]:
    """Everything that the units need, one after the other."""
    from edge_assistant.storage import settings

    yield installation()
    yield from units()
    yield from policies()
    for name, file in (("key", _units.MASTER), ("token", _units.TOKEN)):
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
    wanted = [_units.MODELS_UNIT, _units.GATEWAY_UNIT, _units.RETENTION_UNIT, _units.TIMER_UNIT]
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
        good = enabled and active == "active"
        hint = f"see 'systemctl status {name}'" if enabled else f"systemctl enable --now {name}"
        yield DoctorCheck(name, good, found, "" if good else hint)


def _systemctl(*words: str) -> str:
    """What systemd says; empty if it does not run."""
    if shutil.which("systemctl") is None:
        return ""
    try:
        asked = subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=_ANSWERS_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip()


def policies() -> Iterator[DoctorCheck]:
    """Whether the administrator's policy is right, and allows what the sockets listen on."""
    from edge_assistant.core.errors import PolicyRefused
    from edge_assistant.governance.policy import policy, policy_file

    if not policy.SYSTEM.exists():
        yield DoctorCheck("policy", False, f"{policy.SYSTEM} is not there", "write one, see docs/kiosk.md")
        return
    if wrong := [*policy_file.check(policy.SYSTEM), *policy_file.exposed(policy.SYSTEM)]:
        yield DoctorCheck("policy", False, wrong[0], "edge-assistant policy check")
        return
    yield DoctorCheck("policy", True, str(policy.SYSTEM))
    for file in sorted(SYSTEM_UNITS.glob("edge-assistant-*.socket")):
        for line in file.read_text("utf-8", "replace").splitlines():
            key, _, value = line.partition("=")
            if key == "ListenStream":
                try:
                    policy.Policy(policy_file.read(policy.SYSTEM)).check_address(processes.address(value)[0])
                except PolicyRefused as error:
                    yield DoctorCheck(f"address {value}", False, error.message, error.hint)
                else:
                    yield DoctorCheck(f"address {value}", True, "allowed by the policy")


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
