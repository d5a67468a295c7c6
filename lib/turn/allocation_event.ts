import type { LocalCandidate } from "./candidates.ts";

/** Why a relay is of no use. It is then to be dropped. */
export type AllocationFailure =
  | "no-response"
  | "authentication-error"
  | "protocol-failure";

/** What the user of an allocation has to know. */
export type AllocationEvent =
  | {
    readonly kind: "candidate-added" | "candidate-removed";
    readonly candidate: LocalCandidate;
  }
  | { readonly kind: "failed"; readonly reason: AllocationFailure };
