import pytest
from commit_subject import faults


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Read each source before rules\n\nFirst sight 32 -> 61 %.\n# comment", []),
        ("a" * 73, ["has more than 72 characters"]),
        ("It was read.", ["ends with a full stop"]),
        ("Read\nwithout a line between", ["has no empty line below it"]),
        ("# only a comment", ["is empty"]),
    ],
)
def test_faults_of_a_message(message, said):
    assert [fault.split("' ", 1)[1] for fault in faults(message)] == said
