"""Settings: environment over file over defaults; what is wrong is said, and nothing of it is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.errors import UsageError
from edge_assistant.settings import Settings, load


@pytest.fixture
def file(home: Path) -> Path:
    folder = home / "config"
    folder.mkdir()
    return folder / "config.toml"


def test_defaults_without_a_file() -> None:
    assert load({}) == Settings() == Settings("starter", None, False, "info")


def test_a_file(file: Path) -> None:
    file.write_text('profile = "tiny"\nlanguage = "en"\nplain = true\nlog_level = "debug"\n')
    assert load({}) == Settings("tiny", "en", True, "debug")


def test_the_environment_comes_before_the_file(file: Path) -> None:
    file.write_text('profile = "tiny"\nplain = true\n')
    environment = {"EDGE_ASSISTANT_PROFILE": "large", "EDGE_ASSISTANT_PLAIN": "0", "EDGE_ASSISTANT_LANGUAGE": "de"}
    assert load(environment) == Settings("large", "de", False, "info")


def test_a_domain_is_a_name_or_a_path(file: Path) -> None:
    file.write_text('domain = "clinic"\n')
    assert load({}).domain == "clinic"
    assert load({"EDGE_ASSISTANT_DOMAIN": "/data/ward.toml"}).domain == "/data/ward.toml"


def test_an_empty_variable_says_nothing(file: Path) -> None:
    file.write_text('profile = "tiny"\n')
    assert load({"EDGE_ASSISTANT_PROFILE": ""}).profile == "tiny"


def test_the_process_s_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "tiny")
    assert load().profile == "tiny"


@pytest.mark.parametrize(
    ("word", "plain"),
    [("1", True), ("true", True), ("YES", True), ("0", False), ("False", False), ("no", False)],
)
def test_a_boolean_in_the_environment(word: str, plain: bool) -> None:
    assert load({"EDGE_ASSISTANT_PLAIN": word}).plain is plain


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
        ("profile = ", "config.toml is not TOML"),
        ("profile = 'a'\nprofile = 'b'", "config.toml is not TOML"),
        ("\0", "config.toml is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load({})
    assert said in caught.value.message
    assert "\n" not in str(caught.value)
    assert str(file.parent) not in str(caught.value)


def test_bytes_that_are_no_text(file: Path) -> None:
    file.write_bytes(b"profile = '\xff\xfe'")
    with pytest.raises(UsageError, match="is not TOML"):
        load({})


def test_a_folder_in_the_file_s_place(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        load({})


def test_a_file_that_may_not_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UsageError, match="cannot be read"):
        load({})


@pytest.mark.parametrize("name", ["PLAIN", "LOG_LEVEL"])
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
