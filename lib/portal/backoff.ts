import type { BackoffPlan } from "../base/mod.ts";

/** Before the first acknowledged join of the process, portal spec §3.6: 15 attempts one second apart. */
export const INITIAL_BACKOFF: BackoffPlan = {
  initialMs: 1_000,
  factor: 1,
  maxMs: 1_000,
  jitter: false,
  budgetMs: 15_000,
};

/** Returns the plan for after the first acknowledged join, portal spec §3.6. */
export function reconnectBackoff(budgetMs: number): BackoffPlan {
  return {
    initialMs: 500,
    factor: 1.5,
    maxMs: 60_000,
    jitter: true,
    budgetMs,
  };
}
