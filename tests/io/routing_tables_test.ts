import assert from "node:assert/strict";
import fc from "fast-check";
import { routingTables } from "../../lib/io/routing_tables.ts";

Deno.test("[dp 19] [dp 20] the ordinary interface has the tables and priorities that Firezone's gateway has", () => {
  assert.deepEqual(routingTables("tun-firezone"), {
    tunnel: { table: 0x2021fd00, priority: 100 },
    link: { table: 0x2021fd01, priority: 200 },
    defaults: { table: 0x2021fd02, priority: 300 },
    answers: undefined,
  });
});

Deno.test("an interface with a name of its own has tables of its own, and a mark that comes before all others", () => {
  fc.assert(fc.property(fc.stringMatching(/^[a-z0-9_.-]{1,15}$/), (name) => {
    const { tunnel, link, defaults, answers } = routingTables(name);

    const tables = [tunnel, link, defaults].map(({ table }) => table);
    assert.equal(new Set(tables).size, 3);
    for (const table of tables) {
      assert.ok(table >= 0x2022_0000 && table < 0x2023_0000, String(table));
    }
    assert.ok(answers && answers.priority < 100);
    assert.equal(answers.table, tunnel.table);
    assert.deepEqual(routingTables(name), { tunnel, link, defaults, answers });
  }));
});

Deno.test("names that people give to a few gateways lead to different tables", () => {
  const names = ["fz1", "fz2", "tun-second", "fz-edge1", "fz-edge2", "fz-b"]
    .concat(Array.from({ length: 16 }, (_, i) => `tun-firezone${i}`));

  const tables = names.map((name) => routingTables(name).tunnel.table);

  assert.equal(new Set(tables).size, names.length);
});
