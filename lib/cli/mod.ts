/**
 * The command line: flags and environment in, exit code out.
 *
 * `run` picks the role, reads all settings before anything happens and reports
 * every problem at once. A node (gateway, client, relay) is then a
 * `PortalConnection` on this thread and a `DataPlane` on its own, joined by
 * messages; `runNode` starts both, passes messages, and stops both. What is
 * fatal becomes one sentence on standard error that says what to do.
 *
 * @module
 */
export { run } from "./run.ts";
