"""Answers each UDP packet over IPv6 to port 9 as the router before a narrow link would.

Linux never says that 1280 bytes are too many for IPv6, which is all that a
tunnel of Firezone carries, so the lab has to say it by hand.

Usage: narrow_router.py OWN_ADDRESS MTU
"""
import socket
import struct
import sys

ETH_P_IPV6 = 0x86DD
PORT = 9
PACKET_TOO_BIG = 2
QUOTED_BYTES = 1232

address, mtu = sys.argv[1], int(sys.argv[2])
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6))
errors = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
errors.bind((address, 0))
print("Listening", flush=True)
while True:
    packet = packets.recv(65_536)
    is_udp = packet[6] == socket.IPPROTO_UDP
    if not is_udp or packet[42:44] != PORT.to_bytes(2, "big"):
        continue
    source = socket.inet_ntop(socket.AF_INET6, packet[8:24])
    head = struct.pack("!BBHI", PACKET_TOO_BIG, 0, 0, mtu)
    errors.sendto(head + packet[:QUOTED_BYTES], (source, 0))
