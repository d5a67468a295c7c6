import type { RelaySnapshot } from "../connection/mod.ts";
import type { LinkState } from "../io/mod.ts";

/** What a gateway needs before it can serve anybody. */
export type ReadinessCheckName =
  | "data-plane"
  | "portal"
  | "interface"
  | "relay"
  | "accepting";

/** One condition of readiness. */
export interface ReadinessCheck {
  /** Which one. */
  readonly name: ReadinessCheckName;
  /** Whether it is met. */
  readonly ok: boolean;
  /** What is found, for people. */
  readonly detail: string;
}

/** Whether clients can be served, and if not, why. */
export interface Readiness {
  /** Whether all conditions are met. */
  readonly ready: boolean;
  /** The conditions. */
  readonly checks: readonly ReadinessCheck[];
}

/** What readiness is judged by. */
export interface ReadinessInputs {
  /** Whether the data worker answered in time. */
  readonly isWorkerAlive: boolean;
  /** Whether the portal has let us join and the connection stands. */
  readonly isJoined: boolean;
  /** The TUN interface. */
  readonly link: LinkState["state"];
  /** Whether it has the addresses that the portal gave us. */
  readonly isConfigured: boolean;
  /** The networks of clients that are not routed into it, each with the reason. */
  readonly unrouted: readonly string[];
  /** The relays. */
  readonly relays: readonly RelaySnapshot[];
  /** Whether it is about to leave. */
  readonly isDraining: boolean;
}

/** Judges readiness. */
export function judgeReadiness(inputs: ReadinessInputs): Readiness {
  const checks = [
    judgeWorker(inputs),
    judgePortal(inputs),
    judgeInterface(inputs),
    judgeRelays(inputs),
    judgeDrain(inputs),
  ];
  return { ready: checks.every(({ ok }) => ok), checks };
}

function judgeWorker({ isWorkerAlive }: ReadinessInputs): ReadinessCheck {
  return {
    name: "data-plane",
    ok: isWorkerAlive,
    detail: isWorkerAlive ? "answers" : "does not answer",
  };
}

function judgePortal({ isJoined }: ReadinessInputs): ReadinessCheck {
  return {
    name: "portal",
    ok: isJoined,
    detail: isJoined ? "joined" : "not joined",
  };
}

function judgeInterface(
  inputs: ReadinessInputs,
): ReadinessCheck {
  const detail = describeInterface(inputs);
  return { name: "interface", ok: detail === "up", detail };
}

function describeInterface(
  { link, isConfigured, unrouted }: ReadinessInputs,
): string {
  if (link !== "up") return link;
  if (!isConfigured) return "waits for its addresses";
  return unrouted.length === 0
    ? link
    : `no route into it for ${unrouted.join(", ")}`;
}

function judgeRelays({ relays }: ReadinessInputs): ReadinessCheck {
  const allocated = relays.filter(({ state }) => state === "allocated").length;
  return {
    name: "relay",
    ok: allocated > 0,
    detail: relays.length === 0
      ? "no relays"
      : `${allocated} of ${relays.length} allocated`,
  };
}

function judgeDrain({ isDraining }: ReadinessInputs): ReadinessCheck {
  return {
    name: "accepting",
    ok: !isDraining,
    detail: isDraining ? "draining" : "accepts clients",
  };
}
