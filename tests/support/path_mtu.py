"""Sends UDP to port 9 of a host over IPv6, and prints who complains of its size and which MTU it names.

Usage: path_mtu.py ADDRESS BYTES
"""
import select
import socket
import struct
import sys

IPV6_RECVERR = 25
MSG_ERRQUEUE = 0x2000
PORT = 9
PACKET_TOO_BIG = 2
LIMIT_MS = 5_000

address, size = sys.argv[1], int(sys.argv[2])
probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
probe.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
probe.connect((address, PORT))
probe.send(bytes(size))
poll = select.poll()
poll.register(probe, select.POLLERR)
while poll.poll(LIMIT_MS):
    _, ancillary, _, _ = probe.recvmsg(2_000, 2_000, MSG_ERRQUEUE)
    for _, _, data in ancillary:
        _, _, kind, _, _, mtu, _ = struct.unpack("=IBBBBII", data[:16])
        if kind == PACKET_TOO_BIG:
            print(socket.inet_ntop(socket.AF_INET6, data[24:40]), mtu)
            sys.exit(0)
sys.exit("Nobody complained")
