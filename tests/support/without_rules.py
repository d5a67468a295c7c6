"""Runs a program on a kernel that seems to have no policy routing: it gets
EOPNOTSUPP for each rule that it adds, as without CONFIG_IP_MULTIPLE_TABLES.

Usage: without_rules.py PROGRAM [ARGUMENT...]
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import sys

SYS_SECCOMP, SYS_SENDTO = {"x86_64": (317, 44), "aarch64": (277, 206)}[platform.machine()]

SET_MODE_FILTER = 1
FLAG_NEW_LISTENER = 8
RET_USER_NOTIF = 0x7FC00000
RET_ALLOW = 0x7FFF0000
IOCTL_RECV = 0xC0502100
IOCTL_SEND = 0xC0182101
CONTINUE = 1

# struct seccomp_notif: id, pid, flags; number, architecture, instruction, six arguments.
NOTIFICATION = struct.Struct("=QII iIQ6Q")
RESPONSE = struct.Struct("=QqiI")

RTM_NEWRULE = 32
# struct nlmsghdr: length, type, and the rest.
HEADER = struct.Struct("=IH10x")


def filter_sendto():
    """Sends each sendto of this process and its heirs to a listener, and returns that."""
    instructions = [
        (0x20, 0, 0, 0),  # Load the number of the system call.
        (0x15, 0, 1, SYS_SENDTO),
        (0x06, 0, 0, RET_USER_NOTIF),
        (0x06, 0, 0, RET_ALLOW),
    ]
    code = b"".join(struct.pack("=HBBI", *it) for it in instructions)
    room = ctypes.create_string_buffer(code)
    program = struct.pack("=H6xQ", len(instructions), ctypes.addressof(room))
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_SECCOMP, SET_MODE_FILTER, FLAG_NEW_LISTENER, ctypes.create_string_buffer(program))
    if fd < 0:
        sys.exit(f"Cannot filter system calls: {os.strerror(ctypes.get_errno())}")
    return fd


def adds_rule(pid, address, length):
    if length < HEADER.size:
        return False
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return HEADER.unpack(memory.read(HEADER.size)) == (length, RTM_NEWRULE)


def answer_all(listener):
    """Answers until the last process with the filter has ended."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not poll.poll()[0][1] & select.POLLHUP:
        notification = bytearray(NOTIFICATION.size)
        try:
            fcntl.ioctl(listener, IOCTL_RECV, notification)
            id, pid, _, _, _, _, _, address, length, *_ = NOTIFICATION.unpack(notification)
            refused = adds_rule(pid, address, length)
            verdict = (0, -errno.EOPNOTSUPP, 0) if refused else (0, 0, CONTINUE)
            fcntl.ioctl(listener, IOCTL_SEND, RESPONSE.pack(id, *verdict))
        except OSError as error:
            # The thread that asked was killed meanwhile.
            if error.errno not in (errno.ENOENT, errno.ESRCH):
                raise


ours, theirs = socket.socketpair()
if os.fork() == 0:
    theirs.close()
    _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
    answer_all(listener)
else:
    ours.close()
    socket.send_fds(theirs, [b"."], [filter_sendto()])
    os.execvp(sys.argv[1], sys.argv[1:])
