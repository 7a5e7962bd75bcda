"""Classic BPF as the kernel runs it over a system call: an interpreter of its own, and the kernel's checks."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from edge_assistant.sandbox.seccomp import BpfInstruction

DATA = 64  # bytes of struct seccomp_data
_LD_W_ABS, _JEQ, _JGT, _JGE, _JSET, _RET = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06


def run(program: Sequence[BpfInstruction], audit: int, number: int, arguments: Sequence[int] = ()) -> int:
    """What the filter returns for a call.

    Args:
        program: the filter.
        audit: AUDIT_ARCH of the caller.
        number: of the call; taken as 32 bits.
        arguments: up to six of 64 bits.
    """
    given = [value & 0xFFFFFFFFFFFFFFFF for value in (*arguments, 0, 0, 0, 0, 0, 0)][:6]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0x7F0000001000, *given)
    at = register = 0
    while True:
        code, yes, no, operand = program[at]
        at += 1
        if code == _RET:
            return operand
        if code == _LD_W_ABS:
            (register,) = struct.unpack_from("<I", data, operand)
            continue
        holds = {
            _JEQ: register == operand,
            _JGT: register > operand,
            _JGE: register >= operand,
            _JSET: bool(register & operand),
        }[code]
        at += yes if holds else no


def faults(program: Sequence[BpfInstruction]) -> list[str]:
    """What the kernel would refuse the filter for: bpf_check_classic and seccomp_check_filter."""
    found = [] if 0 < len(program) <= 4096 else ["length"]
    for at, (code, yes, no, operand) in enumerate(program):
        if code not in {_LD_W_ABS, _JEQ, _JGT, _JGE, _JSET, _RET}:
            found.append(f"{at}: no instruction of seccomp")
        if code == _LD_W_ABS and (operand % 4 or operand >= DATA):
            found.append(f"{at}: a load from outside the data")
        if code not in {_LD_W_ABS, _RET} and not (at + 1 + max(yes, no) < len(program) and max(yes, no) < 256):
            found.append(f"{at}: a jump out of the program")
    return found if program[-1].code == _RET else [*found, "it does not end in a return"]
