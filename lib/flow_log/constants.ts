/** A flow ends after more than this without a packet, in ms (data-plane spec §15.3). */
export const IDLE_LIMIT_MS = 120_000;

/** Outer paths recorded for one flow; the next one starts another flow (data-plane spec §15.3). */
export const MAX_OUTER_PATHS = 16;

/** Time between two looks for flows that are over, in ms (data-plane spec §1.3). */
export const HOUSEKEEPING_INTERVAL_MS = 1_000;

/**
 * Flows in memory: those that are open and those that wait to be reported as closed. Our own choice.
 *
 * At some 600 bytes each they take 40 MB. A gateway that resolves 500 names a
 * second for its clients holds 60 000, since each question is a flow for two
 * minutes. When full, no further flow is opened: its packets pass untracked
 * and are counted, and what is open is reported to its end.
 */
export const MAX_FLOWS = 65_536;

/** Share of one client: it takes four that collude to keep the flows of others out of the log. Our own choice. */
export const MAX_FLOWS_OF_CLIENT = MAX_FLOWS / 4;

/** Flows that one look ends, so that it never holds packets up for long. The rest follows at once. Our own choice. */
export const MAX_CLOSES_PER_RUN = 1_024;

/** Wait before a look goes on with the rest, in ms. Packets pass meanwhile. */
export const CONTINUE_AFTER_MS = 10;

/** Reports handed out at a time. Our own choice: one message to the main thread. */
export const REPORTS_PER_BATCH = 1_000;

/**
 * Time between two batches, in ms. Our own choice.
 *
 * Together they let 10 000 reports a second through, which the main thread can
 * format and write. More than that waits inside the flows themselves, and so
 * within `MAX_FLOWS`: a flood of short flows costs flows, never memory.
 */
export const BATCH_INTERVAL_MS = 100;

/** A flow moves to the end of the idle order at most so often, in ms: most packets then touch nothing but their counters. */
export const REORDER_INTERVAL_MS = 1_000;
