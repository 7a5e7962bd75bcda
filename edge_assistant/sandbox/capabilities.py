"""What root may do beyond its files: rights by which the kernel lets a process past Landlock, given up for good."""

from __future__ import annotations

import ctypes

# linux/capability.h. Since Linux 6.14 CAP_PERFMON alone lets a process read the memory maps and the environment of any
# other; CAP_SYS_ADMIN stands for it, and for CAP_BPF and CAP_CHECKPOINT_RESTORE.
_REACHING = {"SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "PERFMON": 38, "BPF": 39,
             "CHECKPOINT_RESTORE": 40}  # fmt: skip
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words for each set
_PR_CAPBSET_DROP = 24


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int32))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def give_up() -> None:
    """Give up, in this thread and its children, the rights that reach other processes and the kernel itself.

    An ordinary user has none of them, and nothing is changed.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capget")
    held = sets[0].permitted | sets[1].permitted << 32
    if not held:
        return
    for number in _REACHING.values():
        libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(number), *map(ctypes.c_ulong, (0, 0, 0)))  # needs CAP_SETPCAP
        word, bit = divmod(number, 32)
        for name in ("effective", "permitted", "inheritable"):
            setattr(sets[word], name, getattr(sets[word], name) & ~(1 << bit))
    if libc.capset(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capset")
