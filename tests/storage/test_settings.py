"""Settings: environment over file over defaults; what is wrong is said, and nothing of it is taken."""

from __future__ import annotations

import dataclasses
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant.core.limits import SETTINGS_BYTES
from edge_assistant.storage.settings import Settings, in_environment, load, save
from edge_assistant_models import regular


@pytest.fixture
def file(home: Path) -> Path:
    folder = home / "config"
    folder.mkdir()
    return folder / "config.toml"


def test_the_environment_comes_before_the_file_and_that_before_defaults(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load({}) == Settings() == Settings("starter", None, False, "info")
    file.write_text('theme = "light"\npause_s = 1\nkeep_days = 30\ncamera = "Front"\n')
    found = load({"EDGE_ASSISTANT_SPOKEN_ANSWERS": "yes", "EDGE_ASSISTANT_KEEP_DAYS": "7"})
    assert found == Settings(theme="light", pause_s=1.0, keep_days=7, camera="Front", spoken_answers=True)
    assert in_environment({"EDGE_ASSISTANT_KEEP_DAYS": "7", "EDGE_ASSISTANT_HOME": "x"}) == {"keep_days"}
    file.write_text('profile = "tiny"\nplain = true\ndomain = "clinic"\n')
    environment = {"EDGE_ASSISTANT_PROFILE": "large", "EDGE_ASSISTANT_PLAIN": "0", "EDGE_ASSISTANT_LANGUAGE": "de"}
    assert load(environment) == Settings("large", "de", False, "info", domain="clinic")
    assert load({"EDGE_ASSISTANT_PROFILE": ""}).profile == "tiny", "an empty variable says nothing"
    assert load({"EDGE_ASSISTANT_DOMAIN": "/data/ward.toml"}).domain == "/data/ward.toml"
    for word, plain in {"1": True, "true": True, "YES": True, "0": False, "False": False, "no": False}.items():
        assert load({"EDGE_ASSISTANT_PLAIN": word}).plain is plain
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "starter")
    assert load().profile == "starter"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colour = "red"', "config.toml: unknown key 'colour'"),
        ("[profile]\nname = 1", "config.toml: profile may not be"),
        ("profile = 1", "profile may not be 1"),
        ("plain = 1", "plain may not be 1"),
        ('plain = "true"', "plain may not be 'true'"),
        ("language = false", "language may not be False"),
        ('log_level = "loud"', "log_level may not be 'loud'"),
        ("pause_s = 0.01", "pause_s may not be 0.01"),
        ("pause_s = nan", "pause_s may not be nan"),
        ("keep_days = 0", "keep_days may not be 0"),
        ("keep_days = 1.5", "keep_days may not be 1.5"),
        ("spoken_answers = 1", "spoken_answers may not be 1"),
        ("camera = 0", "camera may not be 0"),
        ("profile = ", "config.toml is not TOML"),
        ("profile = 'a'\nprofile = 'b'", "config.toml is not TOML"),
        ("\0", "config.toml is not TOML"),
        (b"profile = '\xff\xfe'", "config.toml is not TOML"),
        (b"#" * (SETTINGS_BYTES.value + 1), "over 65,536 bytes"),
    ],
)
def test_what_is_wrong_in_the_file(file: Path, text: str | bytes, said: str) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        load({})
    assert said in caught.value.message
    assert "\n" not in str(caught.value)
    assert str(file.parent) not in str(caught.value)


def test_a_file_that_may_not_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(regular, "opened", refuse)
    with pytest.raises(UsageError, match="cannot be read"):
        load({})
    monkeypatch.undo()
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        load({}, file)


@pytest.mark.parametrize("name", ["PLAIN", "LOG_LEVEL", "PAUSE_S", "KEEP_DAYS", "SPOKEN_ANSWERS"])
def test_what_is_wrong_in_the_environment_names_its_variable(name: str) -> None:
    with pytest.raises(UsageError, match=f"EDGE_ASSISTANT_{name}: {name.lower()} may not be 'perhaps'"):
        load({f"EDGE_ASSISTANT_{name}": "perhaps"})


@given(st.binary(max_size=60))
def test_any_file_is_settings_or_a_usage_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    try:
        assert isinstance(load({}, path), Settings)
    except UsageError as error:
        assert error.message.startswith("config.toml")  # noqa: PT017


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (None, {"profile": "large", "language": None}, 'profile = "large"\n'),
        (
            "# mine\nprofile = 'tiny'  # small # yes\n\n\"language\" = 'de'\nplain=true # no colour",
            {"profile": "large", "language": None, "plain": False, "theme": "light"},
            '# mine\nprofile = "large"  # small # yes\n\nplain=false # no colour\ntheme = "light"\n',
        ),
        ('# mine\nprofile = """\ntiny"""\n', {"profile": "large"}, '# mine\nprofile = "large"\n'),
        (
            "profile = '''x\nlanguage = 'de'\n'''\nplain = true\n",
            {"language": "en"},
            "profile = '''x\nlanguage = 'de'\n'''\nplain = true\nlanguage = \"en\"\n",
        ),
        (None, {"colour": "red"}, None),
        (None, {"profile": 1}, None),
        (None, {"pause_s": 99.0}, None),
    ],
)
def test_saving_changes_what_it_is_given_and_leaves_the_rest(
    file: Path, before: str | None, changes: dict[str, object], after: str | None
) -> None:
    if before is not None:
        file.write_text(before)
    if after is None and before is None:
        with pytest.raises(UsageError):
            save(changes)
        assert not file.exists()
        return
    save(changes)
    assert load({}) == dataclasses.replace(load({}), **{k: v for k, v in changes.items() if v is not None})
    assert after in {None, file.read_text()}


def test_saving_makes_the_folder_and_keeps_every_sign(home: Path) -> None:
    save({"profile": "tiny", "camera": 'Bob\'s "C270" \\ \x7f\n\t\0', "keep_days": 30, "plain": True, "language": None})
    assert load({}) == Settings("tiny", plain=True, camera='Bob\'s "C270" \\ \x7f\n\t\0', keep_days=30)
    assert [path.name for path in (home / "config").iterdir()] == ["config.toml"]


def test_a_link_stays_a_link_and_permissions_stay(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("plain = true\n")
    kept.chmod(0o640)
    file.symlink_to(kept)
    save({"plain": False})
    assert (file.is_symlink(), kept.read_text()) == (True, "plain = false\n")
    assert kept.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(file))

    file.write_text("plain = true\n")
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(StorageFull, match="cannot be written"):
        save({"plain": False})
    assert file.read_text() == "plain = true\n"
    assert len(list(file.parent.iterdir())) == 1


KEPT = st.lists(st.sampled_from(["# a comment", "", 'domain = "clinic" # "x"', "log_level = 'debug'", "keep_days = 9"]))
SET = {
    "profile": st.text(st.characters(codec="utf-8")),
    "camera": st.none() | st.text(st.characters(codec="utf-8")),
    "pause_s": st.floats(0.3, 5),
    "keep_days": st.none() | st.integers(1, 36_500),
    "spoken_answers": st.booleans(),
}


@given(KEPT, st.fixed_dictionaries({}, optional=SET))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], changes: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "saved.toml"
    path.write_text("\n".join(dict.fromkeys(lines)))
    before = load({}, path)
    save(changes, path)
    wanted = {key: getattr(Settings(), key) if value is None else value for key, value in changes.items()}
    assert load({}, path) == dataclasses.replace(before, **wanted)


def test_without_a_home_folder_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(user: object) -> None:
        raise KeyError(user)

    for name in ("EDGE_ASSISTANT_HOME", "HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    with pytest.raises(StorageFull, match="no home folder for data - set EDGE_ASSISTANT_HOME to a folder"):
        load()
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", "~nobody-of-this-name/data")
    with pytest.raises(StorageFull, match="no home folder"):
        load()
