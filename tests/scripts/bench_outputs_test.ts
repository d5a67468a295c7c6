import assert from "node:assert/strict";
import {
  parseCpuSeconds,
  parseResidentMb,
  parseRoundTrips,
  parseTcpTransfer,
} from "../../scripts/bench/outputs.ts";

Deno.test("a TCP transfer counts what the receiver got", () => {
  const output = JSON.stringify({
    end: {
      sum_sent: { bytes: 300_000_000, bits_per_second: 2.4e9 },
      sum_received: { bytes: 250_000_000, bits_per_second: 2e9 },
    },
  });

  assert.deepEqual(parseTcpTransfer(output), { gigabits: 2, mbps: 2000 });
});

Deno.test("a failed transfer says why instead of giving a figure", () => {
  const refused = JSON.stringify({ end: {}, error: "unable to connect" });

  assert.throws(() => parseTcpTransfer(refused), /unable to connect/);
  assert.throws(() => parseTcpTransfer('{"end":{}}'), /Cannot find the result/);
});

Deno.test("round trips are those of the answers, not the summary's", () => {
  const output = `PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.
64 bytes from 10.0.0.1: icmp_seq=1 ttl=63 time=0.125 ms
64 bytes from 10.0.0.1: icmp_seq=2 ttl=63 time=12.5 ms
64 bytes from 10.0.0.1: icmp_seq=4 ttl=63 time=103 ms

--- 10.0.0.1 ping statistics ---
4 packets transmitted, 3 received, 25% packet loss, time 3005ms
rtt min/avg/max/mdev = 0.125/38.541/103.000/45.8 ms
`;

  assert.deepEqual(parseRoundTrips(output), [0.125, 12.5, 103]);
});

Deno.test("processor time is the program's and the kernel's, whatever the program is called", () => {
  const stat = "42 (a (b) 9 9) S 1 42 42 0 -1 4194560 7 0 0 0 250 150 0 0 20 0";

  assert.equal(parseCpuSeconds(stat), 4);
});

Deno.test("resident memory is read in MB", () => {
  const status = "VmPeak:\t 99999 kB\nVmRSS:\t   92160 kB\nThreads:\t5\n";

  assert.equal(parseResidentMb(status), 90);
});
