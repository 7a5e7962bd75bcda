"""The filter of the offline lock, run by an interpreter for both machines, whichever the tests run on."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from helpers import bpf
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.sandbox import seccomp
from edge_assistant.sandbox.seccomp import ALLOW, KILL, MACHINES, MSG_FASTOPEN, REFUSED, SENDING, SyscallTable, program

ERRNO = 0x00050000
OTHERS = {"x86_64": [0x40000003, 0xC00000B7, 0x40000028], "aarch64": [0x40000028, 0xC000003E, 0x800000B7, 0x40000003]}
HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
WORDS = st.integers(0, (1 << 32) - 1)
LONGS = st.integers(0, (1 << 64) - 1)
ARGUMENTS = st.lists(LONGS, min_size=6, max_size=6)


@pytest.fixture(params=sorted(MACHINES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def machine(name: str) -> SyscallTable:
    return MACHINES[name]


def verdict(machine: SyscallTable, number: int, *arguments: int) -> int:
    return bpf.run(program(machine), machine.audit, number, arguments)


def test_the_kernel_would_take_it_and_every_call_is_ruled_upon(machine: SyscallTable) -> None:
    assert bpf.faults(program(machine)) == bpf.faults(program(machine, accepts=True)) == []
    assert set(machine.numbers) == {*REFUSED, *SENDING, "connect", "socket", "socketpair", "ioctl", "seccomp"}
    assert len(set(machine.numbers.values())) == len(machine.numbers)


def test_the_numbers_are_those_of_the_kernels_headers(name: str, machine: SyscallTable) -> None:
    header = next((file for file in map(Path, HEADERS[name]) if file.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text("ascii")))
    assert {call: int(found[call]) for call in machine.numbers} == machine.numbers


@pytest.mark.parametrize("call", SENDING)
@given(flags=WORDS, others=ARGUMENTS)
def test_who_accepts_connections_connects_to_nothing(call: str, flags: int, others: list[int]) -> None:
    for machine in MACHINES.values():
        given_ = [*others[: SENDING[call]], flags, *others[SENDING[call] + 1 :]]
        accepting = program(machine, accepts=True)
        found = bpf.run(accepting, machine.audit, machine.numbers[call], given_)
        assert found == (ERRNO | errno.EACCES if flags & MSG_FASTOPEN else ALLOW)
        assert bpf.run(accepting, machine.audit, machine.numbers["connect"], others) == ERRNO | errno.EACCES
        assert verdict(machine, machine.numbers[call], *given_) == ALLOW
        assert verdict(machine, machine.numbers["connect"], *others) == ALLOW


@pytest.mark.parametrize("call", ["socket", "socketpair"])
@given(family=WORDS, above=WORDS, others=ARGUMENTS)
def test_only_unix_sockets_are_made(call: str, family: int, above: int, others: list[int]) -> None:
    """The kernel takes the family as 32 bits, so what stands above them must not count."""
    for machine in MACHINES.values():
        number, given_ = machine.numbers[call], [family | above << 32, *others[1:]]
        assert verdict(machine, number, *given_) == (ALLOW if family == 1 else ERRNO | errno.EACCES)
        assert verdict(machine, number, 1 | above << 32, *others[1:]) == ALLOW


@pytest.mark.parametrize(("call", "told"), sorted(REFUSED.items()))
@given(arguments=ARGUMENTS)
def test_what_is_refused_is_refused_with_any_arguments(call: str, told: int, arguments: list[int]) -> None:
    for machine in MACHINES.values():
        assert verdict(machine, machine.numbers[call], *arguments) == ERRNO | told


@given(command=WORDS, above=WORDS, descriptor=LONGS)
def test_tunnels_and_pressed_keys_are_no_way_out(command: int, above: int, descriptor: int) -> None:
    """The kernel's drivers take the request as 32 bits, so what stands above them must not count."""
    for machine in MACHINES.values():
        ioctl = machine.numbers["ioctl"]
        for refused in (0x400454CA, 0x5412, 0x541C, 0x5423, 0x5501):
            assert verdict(machine, ioctl, descriptor, refused | above << 32) == ERRNO | errno.EPERM
        # Modes, size, and who is in the foreground: Ctrl-C, suspending and resizing a terminal rest on these
        for other in (0x5401, 0x5402, 0x5413, 0x540F, 0x5410, 0x540E, 0x5414, 0x5421, command):
            if other not in seccomp.IOCTLS:
                assert verdict(machine, ioctl, descriptor, other | above << 32) == ALLOW


@given(number=st.integers(0, 0x3FFFFFFF) | st.integers(0, 500), arguments=ARGUMENTS)
def test_every_other_call_is_let_through(number: int, arguments: list[int]) -> None:
    for machine in MACHINES.values():
        ruled = set(machine.numbers.values()) - {machine.numbers["seccomp"]}
        if number not in ruled:
            assert verdict(machine, number, *arguments) == ALLOW


@given(audit=WORDS, number=WORDS, arguments=ARGUMENTS)
def test_a_program_of_another_machine_is_killed(audit: int, number: int, arguments: list[int]) -> None:
    for name, machine in MACHINES.items():
        for other in (audit, *OTHERS[name]):
            if other != machine.audit:
                assert bpf.run(program(machine), other, number, arguments) == KILL


@given(number=st.integers(0x40000000, 0xFFFFFFFF), arguments=ARGUMENTS)
def test_the_second_numbering_of_x86_64_is_not_there(number: int, arguments: list[int]) -> None:
    assert verdict(MACHINES["x86_64"], number, *arguments) == ERRNO | errno.ENOSYS
    x32_socket = 0x40000000 + MACHINES["x86_64"].numbers["socket"]
    assert verdict(MACHINES["x86_64"], x32_socket, 2, 1, 0) == ERRNO | errno.ENOSYS


def test_the_interpreter_tells_a_broken_filter() -> None:
    """The tests above could not fail where the interpreter let everything through."""
    whole = program(MACHINES["x86_64"])
    without = [one for one in whole if one.operand != ERRNO | errno.EACCES]
    assert bpf.run(without, 0xC000003E, 41, [2]) != ERRNO | errno.EACCES
    assert bpf.faults(whole[:-1]) != []
    assert bpf.faults([*whole[:5], whole[5]._replace(code=0x15, yes=200), *whole[6:]]) != []
