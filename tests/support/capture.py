"""Writes every packet of an interface to a file of libpcap's format, until SIGTERM.

Programs on top of libpcap lose what the kernel has not handed out yet when
they are stopped; this one reads it first.

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
SNAPSHOT_BYTES = 2_000
LINK_ETHERNET, LINK_RAW_IP = 1, 101
ARPHRD_ETHER = 1
LOOK_UP_SECONDS = 0.2


def main(device, path, max_seconds, max_bytes):
    """Captures until told to stop, or until a limit is reached."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    packets.bind((device, 0))
    is_ethernet = packets.getsockname()[3] == ARPHRD_ETHER
    link = LINK_ETHERNET if is_ethernet else LINK_RAW_IP
    ends = time.monotonic() + max_seconds
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPSHOT_BYTES, link))
        print("Capturing", flush=True)

        def take():
            packet = packets.recv(65_536)
            seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
            kept = packet[:SNAPSHOT_BYTES]
            record = seconds, nanoseconds // 1_000, len(kept), len(packet)
            file.write(struct.pack("<IIII", *record) + kept)

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
