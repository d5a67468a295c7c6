import assert from "node:assert/strict";
import { Lab } from "../../scripts/lab/lab.ts";
import { ChecksumCapture } from "../support/checksum_capture.ts";
import { requireTools } from "../support/tools.ts";

const POINT = { box: "gateway", device: "eth0" };
const RECEIVER = "192.0.2.1";
const RECEIVER_IPV6 = "2001:db8:9::1";

Deno.test("a capture of valid packets counts them and finds none to complain of, whatever an error among them quotes", async () => {
  await using lab = await twoBoxes();
  await using capture = await ChecksumCapture.start(lab, [POINT]);
  const ping = ["ping", "-c", "3", "-i", "0.1", "-W", "2"];

  await lab.must("sender", ...ping, RECEIVER);
  await lab.must("sender", ...ping, RECEIVER_IPV6);
  await send(lab, "icmp", RECEIVER, UNREACHABLE);
  await send(lab, "tcp", RECEIVER, OTHER_ZERO);

  const [report] = await capture.finish();
  assert.ok(report && report.packets >= 14, `${report?.packets} packets`);
  assert.deepEqual(report.bad, []);
});

const WRONG = [
  {
    protocol: "udp",
    to: RECEIVER,
    hex: "00010009000cbad000000000",
  },
  {
    protocol: "udp",
    to: RECEIVER_IPV6,
    hex: "00010009000cbad000000000",
  },
  {
    protocol: "tcp",
    to: RECEIVER,
    hex: "0001000900000001000000005004ffffbad00000",
  },
  { protocol: "icmp", to: RECEIVER, hex: "0000bad000010001" },
] as const;

Deno.test("wrong checksums of UDP, TCP and ICMP fail a test that captures, and each packet is shown", async () => {
  await using lab = await twoBoxes();
  await using capture = await ChecksumCapture.start(lab, [POINT]);

  for (const { protocol, to, hex } of WRONG) {
    await send(lab, protocol, to, hex);
  }

  await assert.rejects(capture.expectOnlyValid(), ({ message }: Error) => {
    const [head, ...shown] = message.split("\n");
    assert.equal(head, `${WRONG.length} wrong checksums on eth0 of gateway:`);
    WRONG.forEach(({ to }, i) => assert.ok(shown[i]?.includes(to), message));
    return true;
  });
});

Deno.test("a checksum that is left to the kernel is judged by the half of it that is there", async () => {
  await using lab = await twoBoxes();
  const tunnel = { box: "gateway", device: "half" };
  await lab.must(
    "gateway",
    ...["ip", "tuntap", "add", "half", "mode", "tun", "vnet_hdr"],
  );
  await lab.must("gateway", "ip", "link", "set", "half", "up");
  await using capture = await ChecksumCapture.start(lab, [tunnel]);

  await lab.must("gateway", "python3", "-c", WRITE_HALVES, "8425", "8426");

  const [report] = await capture.finish();
  assert.ok(report);
  assert.deepEqual(report.bad.map((line) => line.includes("UDP")), [true]);
});

/**
 * Writes a UDP packet for each argument, the sum of its pseudo-header, to the interface `half`.
 *
 * The kernel is told to do the rest of the checksum; 8425 is right.
 */
const WRITE_HALVES = `
import fcntl, os, struct, sys
tunnel = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tunnel, 0x400454CA, struct.pack("16sH22x", b"half", 0x5001))
for half in sys.argv[1:]:
    header = struct.pack("<BBHHHH", 1, 0, 0, 0, 20, 6)
    ip = bytes.fromhex("4500001c000000004011f6c5" "c0000205" "c0000206")
    udp = bytes.fromhex("00010009" "0008" + half)
    os.write(tunnel, header + ip + udp)
`;

Deno.test("a capture without a packet fails a test", async () => {
  await using lab = await twoBoxes();
  const loopback = { box: "gateway", device: "lo" };
  await using capture = await ChecksumCapture.start(lab, [loopback]);

  await assert.rejects(
    capture.expectOnlyValid(),
    /^Error: No packet on lo of gateway$/,
  );
});

/** Destination unreachable, quoting a UDP packet with a wrong header checksum (data-plane spec §21). */
const UNREACHABLE = "030086f6000000004500001c000000004011beef64400001" +
  "0a000001c351005000080000";

/** TCP whose checksum is 0xFFFF where a sum from scratch is 0x0000; both verify (RFC 1624 §3). */
const OTHER_ZERO = "0001000900000001000000005004ffffffff2bd2";

async function twoBoxes(): Promise<Lab> {
  requireTools("ip", "tshark", "python3", "ping");
  const lab = new Lab("fzsum");
  await lab.addBox("sender");
  await lab.addBox("gateway");
  await lab.addLink(
    {
      box: "sender",
      device: "eth0",
      addresses: ["192.0.2.2/24", "2001:db8:9::2/64"],
    },
    {
      box: "gateway",
      device: "eth0",
      addresses: [`${RECEIVER}/24`, `${RECEIVER_IPV6}/64`],
    },
  );
  // A link that has just come up finds its IPv6 neighbours only after a second.
  const patiently = ["-c", "1", "-i", "0.2", "-w", "5"];
  await lab.must("sender", "ping", ...patiently, RECEIVER_IPV6);
  return lab;
}

/** Sends what follows the IP header, to the bit. */
async function send(
  lab: Lab,
  protocol: string,
  to: string,
  hex: string,
): Promise<void> {
  const family = to.includes(":") ? "AF_INET6" : "AF_INET";
  await lab.must(
    "sender",
    ...["python3", "-c"],
    `from socket import *; s = socket(${family}, SOCK_RAW, ` +
      `getprotobyname("${protocol}")); ` +
      `s.sendto(bytes.fromhex("${hex}"), ("${to}", 0))`,
  );
}
