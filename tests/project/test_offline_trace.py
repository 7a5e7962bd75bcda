"""What strace writes is judged: every network socket that was had is found, and nothing else."""

from __future__ import annotations

import offline_trace

HAD = [
    "829 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3",
    "829 socket(AF_INET6, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) = 7",
    "829 socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 0",
    "829 socket(0x7fff /* AF_??? */, SOCK_STREAM, 0) = 4",
    '829 bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
    '829 connect(7, {sa_family=AF_INET6, sin6_port=htons(44796), inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0',
    "829 io_uring_setup(4, {flags=0, sq_thread_cpu=0}) = 5",
    "829 pidfd_getfd(3, 4, 0) = 5",
]
REFUSED_OR_LOCAL = [
    "829 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = -1 EACCES (Permission denied)",
    "829 socket(0x7fff /* AF_??? */, SOCK_STREAM, 0) = -1 EAFNOSUPPORT (Address family not supported by protocol)",
    "829 io_uring_setup(4, 0x7f) = -1 ENOSYS (Function not implemented)",
    "829 socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0) = 3",
    "829 socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [7, 8]) = 0",
    '829 connect(3, {sa_family=AF_UNIX, sun_path="/run/user/1000/pulse/native"}, 110) = 0',
    "829 seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, {len=46, filter=0x7fe1c3ce39b0}) = 0",
    "829 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=17870, si_uid=0, si_status=1} ---",
]


def test_what_was_had_is_found_and_what_was_refused_or_stays_on_the_machine_is_not() -> None:
    assert offline_trace.permitted([*HAD, *REFUSED_OR_LOCAL]) == HAD
