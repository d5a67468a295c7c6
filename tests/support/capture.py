"""Writes every packet of an interface to a file of libpcap's format, until SIGTERM.

Programs on top of libpcap lose what the kernel has not handed out yet when
they are stopped; this one reads it first. And they show checksums that the
kernel has left for later as they stand, half done. This one does the rest, as
the kernel would: what was wrong in the first half stays wrong.

Usage: capture.py DEVICE FILE MAX_SECONDS MAX_BYTES
"""
import signal
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER_BYTES = 64_000_000
SNAPSHOT_BYTES = 66_000
SOL_PACKET, PACKET_AUXDATA = 263, 8
AUXDATA_BYTES = 20
CHECKSUM_NOT_READY = 1 << 3
ETHERNET_HEADER_BYTES = 14
CHECKSUM_OFFSETS = {6: 16, 17: 6}
LINK_ETHERNET, LINK_RAW_IP = 1, 101
ARPHRD_ETHER = 1
LOOK_UP_SECONDS = 0.2


def complete(packet, start):
    """Does the second half of the checksum of the TCP or UDP packet whose IP header is at start."""
    is_ipv4 = packet[start] >> 4 == 4
    protocol = packet[start + (9 if is_ipv4 else 6)]
    if protocol not in CHECKSUM_OFFSETS:
        return packet
    transport = start + ((packet[start] & 15) * 4 if is_ipv4 else 40)
    payload = packet[transport:]
    total = sum(struct.unpack(f">{len(payload) // 2}H", payload[: len(payload) & ~1]))
    if len(payload) % 2 == 1:
        total += payload[-1] << 8
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    at = transport + CHECKSUM_OFFSETS[protocol]
    checksum = struct.pack(">H", (~total & 0xFFFF) or 0xFFFF)
    return packet[:at] + checksum + packet[at + 2 :]


def receive(packets, start):
    """Returns a packet with its checksum complete."""
    packet, ancillary, _, _ = packets.recvmsg(SNAPSHOT_BYTES, socket.CMSG_SPACE(AUXDATA_BYTES))
    for level, kind, data in ancillary:
        is_status = level == SOL_PACKET and kind == PACKET_AUXDATA
        if is_status and struct.unpack_from("I", data)[0] & CHECKSUM_NOT_READY:
            return complete(packet, start)
    return packet


def main(device, path, max_seconds, max_bytes):
    """Captures until told to stop, or until a limit is reached."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    packets.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    packets.bind((device, 0))
    is_ethernet = packets.getsockname()[3] == ARPHRD_ETHER
    link = LINK_ETHERNET if is_ethernet else LINK_RAW_IP
    ends = time.monotonic() + max_seconds
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPSHOT_BYTES, link))
        print("Capturing", flush=True)

        def take():
            packet = receive(packets, ETHERNET_HEADER_BYTES if is_ethernet else 0)
            seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
            record = seconds, nanoseconds // 1_000, len(packet), len(packet)
            file.write(struct.pack("<IIII", *record) + packet)

        packets.settimeout(LOOK_UP_SECONDS)
        while not stopped and time.monotonic() < ends and file.tell() < max_bytes:
            try:
                take()
            except TimeoutError:
                pass
        packets.setblocking(False)
        try:
            while file.tell() < max_bytes:
                take()
        except BlockingIOError:
            pass


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
