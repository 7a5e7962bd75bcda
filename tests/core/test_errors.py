"""Every error, by reflection: a code, an exit status of the contract, and a place in the tree that its module draws."""

from __future__ import annotations

import inspect
import re

import pytest

import edge_assistant_models.errors
import edge_assistant_quantize.errors
from edge_assistant.core import errors
from edge_assistant.core.errors import EdgeAssistantError


def all_errors(base: type[EdgeAssistantError] = EdgeAssistantError) -> list[type[EdgeAssistantError]]:
    """The base and every error of the product below it."""
    return [base, *(error for sub in base.__subclasses__() for error in all_errors(sub))]


OURS = {error for error in all_errors() if error.__module__.startswith("edge_assistant")}
CLASSES = sorted(OURS, key=lambda error: error.__name__)
CORE = (errors, edge_assistant_models.errors)
TREES = {module.__name__: inspect.getdoc(module) or "" for module in (*CORE, edge_assistant_quantize.errors)}


def drawn(tree: str) -> dict[str, int]:
    """Depth of each name in a drawn tree."""
    found = {}
    for line in tree.splitlines():
        match = re.match(r"^([\s│├└─]*)([A-Z]\w+(?:, [A-Z]\w+)*)(?:, \.\.\.)?(?:\s|$)", line)
        if match and ("Error" in line or "──" in line):
            for name in match[2].split(", "):
                found[name] = len(match[1]) // 4 - 1  # the tree is indented
    return found


def test_an_error_has_a_code_of_its_own_and_a_status_of_the_contract(pytestconfig: pytest.Config) -> None:
    contract = (pytestconfig.rootpath / "docs" / "contract.md").read_text(encoding="utf-8")
    line = contract[contract.index("Exit status:") :].split("- A damaged", 1)[0]
    listed = {int(number) for number in re.findall(r"\b(\d+) (?:a |answered|the |an |what |interrupted)", line)}
    assert {0, 2, 3, 4, 70} <= listed
    for error in CLASSES:
        assert re.fullmatch(r"[a-z]+(\.[a-z_]+)?", error.code), error
        assert error.exit_status in listed, error
    assert len({error.code for error in CLASSES}) == len(CLASSES)


def test_an_error_says_what_and_what_to_do() -> None:
    for error in CLASSES:
        raised = error("what", "what to do")
        assert (raised.message, raised.hint, str(raised)) == ("what", "what to do", "what - what to do")
        assert error.__doc__


def test_an_error_stands_in_the_tree_of_its_module() -> None:
    for error in CLASSES:
        depth = drawn(TREES[error.__module__])
        parents = [parent for parent in error.__mro__[1:] if issubclass(parent, EdgeAssistantError)]
        assert depth[error.__name__] == len(parents), error
        line = next(row for row in TREES[error.__module__].splitlines() if re.search(rf"\b{error.__name__}\b", row))
        builtins = [base.__name__ for base in error.__bases__ if not issubclass(base, EdgeAssistantError)]
        assert error is EdgeAssistantError or re.findall(r"\((\w+)\)", line) == builtins, error


def test_every_error_can_be_imported_from_one_place() -> None:
    assert set(errors.__all__) == {
        error.__name__ for error in CLASSES if error.__module__ in {core.__name__ for core in CORE}
    }
    assert all(hasattr(errors, name) for name in errors.__all__)


def test_an_error_comes_to_another_process_as_the_nearest_class_that_it_knows() -> None:
    class InputOfATest(errors.InputMissing):
        """A class that the other process does not have."""

    assert errors.packed(InputOfATest("a", "b")) == ["InputMissing", "a", "b"]
    found = errors.unpacked("InputMissing", "a", "b")
    assert (type(found), found.message, found.hint) == (errors.InputMissing, "a", "b")
    assert type(errors.unpacked("open", "a", "b")) is EdgeAssistantError
