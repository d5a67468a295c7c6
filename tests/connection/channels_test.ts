import assert from "node:assert/strict";
import { readU16 } from "../../lib/base/mod.ts";
import type { Site } from "../sim/site.ts";
import { hasAddress } from "../sim/world.ts";
import { connectedSite } from "./support.ts";

/*
 * A channel that was bound eagerly carries the first check; one that is bound
 * on demand costs it. The optimistic guess that follows from a srflx candidate
 * (p2p spec §2.5) is never bound eagerly.
 */
for (
  const [kind, atOnce] of [
    ["srflx", ["bind", "bind", "first data"]],
    ["relay", ["bind", "first data"]],
    ["prflx", ["bind", "first data"]],
    ["host", ["bind"]],
  ] as const
) {
  const isEager = kind !== "host";
  Deno.test(`[p2p 97] a channel to a ${kind} candidate is bound ${isEager ? "at once" : "when something is to be sent on it"}`, () => {
    const site = connectedSite({ families: [4] });

    const sent = sentToRelay(site, () => signal(site, kind));

    assert.deepEqual(sent.atOnce, atOnce);
    assert.ok(isEager || sent.later.includes("first data"));
  });
}

function signal({ gateway, world }: Site, kind: string): void {
  const related = kind === "srflx" || kind === "relay"
    ? " raddr 0.0.0.0 rport 0"
    : "";
  const line = `candidate:x 1 udp 1 198.51.100.7 4000 typ ${kind}${related}`;
  gateway.node.addRemoteCandidate("client", line, world.now);
}

/** Tells what the gateway sends to its relay because of `action`: channel binds, and the first data on channels that had none before. */
function sentToRelay(
  { world, gateway, relays: [relay] }: Site,
  action: () => void,
): { atOnce: string[]; later: string[] } {
  const fromGateway = () =>
    world.sent.filter(({ source, destination }) =>
      hasAddress(gateway, source.ip) && hasAddress(relay!, destination.ip)
    ).map(({ payload }) => readU16(payload, 0));
  const used = new Set(fromGateway());
  const take = (start: number): string[] =>
    fromGateway().slice(start).flatMap((type) => {
      if (type === CHANNEL_BIND) return ["bind"];
      if (used.has(type)) return [];
      used.add(type);
      return ["first data"];
    });

  const before = fromGateway().length;
  action();
  world.advance(0);
  const atOnce = take(before);
  const between = fromGateway().length;
  world.advance(500);
  return { atOnce, later: take(between) };
}

const CHANNEL_BIND = 0x0009;
