import assert from "node:assert/strict";
import { formatIp } from "../../lib/base/mod.ts";
import { parseHostsFile } from "../../lib/dns/mod.ts";

Deno.test("a hosts file gives each of its names all addresses, whatever the case", () => {
  const hosts = parseHostsFile(
    "127.0.0.1 localhost\n" +
      "::1\tLOCALHOST ip6-localhost # loopback\n" +
      "# 192.0.2.9 commented\n" +
      "192.0.2.1   db db.corp.example\n" +
      "192.0.2.1 db\n" +
      "192.0.2.2 db\n",
  );

  const texts = [...hosts].map(([name, ips]) => [name, ips.map(formatIp)]);
  assert.deepEqual(Object.fromEntries(texts), {
    localhost: ["127.0.0.1", "::1"],
    "ip6-localhost": ["::1"],
    db: ["192.0.2.1", "192.0.2.2"],
    "db.corp.example": ["192.0.2.1"],
  });
});

Deno.test("lines without an address or without a name are passed over", () => {
  const hosts = parseHostsFile("db 192.0.2.1\n192.0.2.1\n\n1.2.3.4.5 x\n");

  assert.equal(hosts.size, 0);
});
