"""What a policy allows: each rule refuses what it names and nothing else, is named itself, and is recorded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_assistant.core.errors import PolicyInvalid, PolicyRefused, StorageFull, UsageError
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.devices import chosen
from edge_assistant.governance.policy import pin, policy, policy_file
from edge_assistant.governance.policy.policy import Policy, current
from edge_assistant.governance.policy.rules import PolicyRules

PIN = "147 258"
HASH = pin.hashed(PIN, cost=1024)
OWN = Path("policy.toml")
CAMERA = Origin.CAMERA
OWN_MODEL, REDACTED, WHOLE = {"own": True}, {"redacted": True}, {"redacted": False}


def of(text: str, **options: Any) -> Policy:
    rules = policy_file.problems(text.encode())
    assert isinstance(rules, PolicyRules), rules
    made = Policy(rules, OWN, **options)
    made.record = vars(made).setdefault("recorded", []).append
    return made


def recorded(made: Policy) -> list[dict[str, object]]:
    return list(vars(made)["recorded"])


def called(policy: Policy, method: str, *given: Any) -> None:
    """Call a method; a dictionary holds arguments by name."""
    named = next((one for one in given if isinstance(one, dict)), {})
    getattr(policy, method)(*(one for one in given if one is not named), **named)


REFUSALS: list[tuple[str, str, str, tuple[Any, ...], tuple[Any, ...]]] = [
    ('signals.kinds = ["text"]', "signals.kinds", "check_signal", (Kind.IMAGE, Origin.FILE), (Kind.TEXT, Origin.FILE)),
    ('signals.origins = ["camera"]', "signals.origins", "check_signal", (Kind.TEXT, Origin.FILE), (Kind.TEXT, CAMERA)),
    ('models.allowed = ["whisper-*"]', "models.allowed", "check_model", ("yolox-nano",), ("whisper-base",)),
    ("models.own = false", "models.own", "check_model", ("whisper-of-mine", OWN_MODEL), ("whisper-base",)),
    ('profiles.allowed = ["starter"]', "profiles.allowed", "check_profile", ("large",), ("starter",)),
    ('devices.camera = ["HD [1]"]', "devices.camera", "check_device", ("camera", "HD 1"), ("camera", "HD [1]")),
    ("devices.microphone = []", "devices.microphone", "device", ("microphone", None, list), ("speaker", None, list)),
    ('export.formats = ["json"]', "export.formats", "check_export", (".md", REDACTED), (".JSON", WHOLE)),
    ("export.unredacted = false", "export.unredacted", "check_export", (".md", WHOLE), (".md", REDACTED)),
    ('offline.lock = "required"', "offline.lock", "check_lock", (False,), (True,)),
    (f'roles.pin = "{HASH}"', "roles.visitor", "check_action", ("settings",), ("ask",)),
]


@pytest.mark.parametrize(("text", "rule", "method", "refused", "allowed"), REFUSALS, ids=[row[1] for row in REFUSALS])
def test_a_rule_refuses_and_is_named(
    text: str, rule: str, method: str, refused: tuple[Any, ...], allowed: tuple[Any, ...]
) -> None:
    made = of(text)
    called(made, method, *allowed)
    assert recorded(made) == []
    with pytest.raises(PolicyRefused) as caught:
        called(made, method, *refused)
    assert caught.value.message.startswith("the policy refuses: ")
    assert caught.value.message.endswith(f"({rule})")
    assert caught.value.hint
    assert [(row["event"], row["rule"]) for row in recorded(made)] == [("refused", rule)]
    for given in (refused, allowed):
        called(Policy(), method, *given)  # without a policy everything is allowed


def test_a_rule_against_pulling_refuses_that_alone() -> None:
    made = of("offline.pull = false")
    made.check_lock(False)
    with pytest.raises(PolicyRefused, match=r"\(offline\.pull\)"):
        made.check_pull()
    Policy().check_pull()


def test_a_policy_keeps_to_the_processor() -> None:
    assert Policy().allows_gpu
    assert not of("models.gpu = false").allows_gpu


def test_the_same_refusal_is_recorded_once_a_minute() -> None:
    clock = Clock()
    made = kiosk(clock)

    def refused(action: str) -> int:
        with pytest.raises(PolicyRefused):
            made.check_action(action)
        return len(recorded(made))

    assert [refused("settings"), refused("settings"), refused("models")] == [1, 1, 2]
    clock.now += policy.AGAIN_S
    assert refused("settings") == 3


def test_that_a_policy_is_read_again_makes_no_refusal_another(hold: Callable[[str], Path], monkeypatch) -> None:
    hold('[serve]\nfolders = ["/srv"]\n')
    recorded: list[object] = []
    monkeypatch.setattr(policy, "_audited", recorded.append)
    monkeypatch.setattr(policy, "_recorded", {})
    for _ in range(3):
        policy.reread()
        with pytest.raises(PolicyRefused):
            policy.current().check_served_file(False)
    assert len(recorded) == 1


def test_the_first_device_that_is_allowed() -> None:
    made = of('devices.camera = ["USB*"]')
    there = [name for name in ("Built-in", "USB 2", "USB 1") if made.allows_device("camera", name)]
    assert made.device("camera", None, lambda: there) == "USB 2"
    assert made.device("camera", "USB 1", lambda: there) == "USB 1"
    for part in ("Built-in", "U", "USB", "usb 1", "", "file:the secret of Mrs Miller.mp4"):
        with pytest.raises(PolicyRefused, match=r"devices\.camera"):
            made.device("camera", part, lambda: ["USB 1"])
    assert recorded(made) == [{"event": "refused", "rule": "devices.camera", "about": "camera"}], "no content"


def test_devices_are_refused_where_they_are_chosen(home: Path, tmp_path: Path) -> None:
    inside, outside = tmp_path / "demo" / "a.mp4", tmp_path / "a.mp4"
    inside.parent.mkdir()
    written(home, f'[devices]\ncamera = ["file:{tmp_path}/demo/*"]\nreadings = ["serial:/dev/ttyUSB*"]\nspeaker = []')
    chosen.camera(f"file:{inside}")
    chosen.readings("serial:/dev/ttyUSB0@9600")
    chosen.microphone("file:anything.wav")
    for refused in (
        lambda: chosen.camera(f"file:{outside}"),
        lambda: chosen.camera(f"file:{inside.parent}/../a.mp4"),
        lambda: chosen.camera(None),
        lambda: chosen.readings(str(tmp_path / "line.csv")),
        lambda: chosen.readings("serial:/dev/ttyS0"),
        lambda: chosen.speaker("file:out.wav"),
        lambda: chosen.speaker(None),
    ):
        with pytest.raises(PolicyRefused, match=r"devices\."):
            refused()
    inside.symlink_to(outside)
    with pytest.raises(PolicyRefused):
        chosen.camera(f"file:{inside}")


# Where it lies


def written(home: Path, text: str) -> Path:
    file = home / "config" / "policy.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_the_administrators_file_alone_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = written(home, 'profiles.allowed = ["own"]')
    assert current().file == own
    system = home / "etc" / "policy.toml"
    system.parent.mkdir()
    system.write_text('profiles.allowed = ["system"]')
    for name in ("EDGE_ASSISTANT_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
        monkeypatch.setenv(name, str(home / "elsewhere"))
        assert current().file == system
        with pytest.raises(PolicyRefused):
            current().check_profile("own")


@pytest.mark.parametrize("content", [b"x = ", b"\xff", b"unknown = 1", b"[limits]\npages = 51", b"# " + b"x" * 65_536])
def test_a_policy_that_is_wrong_allows_nothing(home: Path, content: bytes) -> None:
    written(home, "").write_bytes(content)
    for _ in range(2):
        with pytest.raises(PolicyInvalid):
            current()


def test_a_policy_that_cannot_be_looked_at_allows_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    file = home / "etc" / "policy.toml"
    file.parent.mkdir()
    file.symlink_to("gone.toml")
    with pytest.raises(PolicyInvalid, match="cannot be read"):
        current()
    file.unlink()
    monkeypatch.setattr(Path, "lstat", refused)
    with pytest.raises(PolicyInvalid):
        current()


def test_what_is_refused_stands_in_the_audit_trail(home: Path) -> None:
    from edge_assistant.governance.audit.trail import Trail

    written(home, "signals.kinds = []")
    with pytest.raises(PolicyRefused):
        current().check_signal(Kind.TEXT, Origin.FILE)
    rows = Trail().read(lambda c: c.execute("SELECT kind, body FROM rows").fetchall())
    assert rows == [("policy", '{"about":"text","event":"refused","rule":"signals.kinds"}')]


# Roles


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now


def kiosk(clock: Clock, more: str = "") -> Policy:
    return of(f'[roles]\npin = "{HASH}"\nidle_minutes = 2\n{more}', clock=clock, wait=clock.waited.append)


def test_the_operator_may_do_all_until_idle() -> None:
    clock = Clock()
    made = kiosk(clock)
    assert (made.may("ask"), made.may("settings"), made.unlocked) == (True, False, False)
    assert made.unlock(PIN)
    assert made.may("settings")
    clock.now += 119
    made.touch()
    clock.now += 119
    assert made.may("settings")
    clock.now += 2
    assert not made.may("settings")
    made.touch()  # whoever comes then is a visitor
    assert not made.may("settings")
    made.unlock(PIN)
    made.lock()
    assert not made.unlocked
    assert [row["event"] for row in recorded(made)] == ["unlocked", "unlocked", "locked"]


def test_a_wrong_pin_takes_longer_each_time() -> None:
    clock = Clock()
    made = kiosk(clock)
    for wrong in ("", "147258", PIN + "0", "x" * 1000, "\udcff", "1", "2"):
        assert not made.unlock(wrong)
    assert clock.waited == [1, 2, 4, 8, 16, 30, 30]
    assert not made.unlocked
    assert made.unlock(PIN)
    assert not made.unlock("1")
    assert clock.waited[-1] == 1
    assert {row["event"] for row in recorded(made)} == {"wrong PIN", "unlocked"}
    assert PIN not in str(recorded(made))


def test_where_it_cannot_be_recorded_nobody_is_let_in_and_no_pin_is_quicker() -> None:
    clock = Clock()
    made = kiosk(clock)

    def full(what: object) -> None:
        raise StorageFull("the disk is full", "free some space")

    made.record = full
    for tried in ("000000", "000001", PIN):
        with pytest.raises(StorageFull):
            made.unlock(tried)
    assert clock.waited == [1, 2]
    assert not made.unlocked


def test_a_pin_is_hashed_with_salt() -> None:
    assert pin.hashed(PIN, cost=1024) != HASH
    assert pin.fits(PIN, HASH)
    assert not pin.fits(PIN, HASH.replace(":1024:", ":1023:"))
    assert not pin.fits(PIN, HASH.replace(":1024:", ":524288:"))  # half a gigabyte
    assert pin.fits(PIN, pin.hashed(PIN))
    for wrong in ("", "12345", "x" * 65):
        with pytest.raises(UsageError, match="6 to 64"):
            pin.hashed(wrong)
