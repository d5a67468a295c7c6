import assert from "node:assert/strict";
import type { LogFields, Logger } from "../../lib/base/mod.ts";
import { Harness } from "../portal/harness.ts";
import { GatewayHarness } from "../support/gateway_harness.ts";
import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};
import { SeededChoices, Tape } from "./choices.ts";
import { INGEST_TOKEN } from "./client_messages.ts";
import type { FuzzTarget } from "./engine.ts";
import { JsonMutator } from "./json_mutator.ts";

/** Events that a single frame may lead to. */
const MOST_EVENTS = 4;

/** Shorter pieces of a secret than this may be in a log line by chance. */
const PIECE_LENGTH = 12;

const frames = vectors.incoming.flatMap(({ message }) =>
  message ? [message as unknown] : []
);
const authorizations = vectors.incoming.flatMap(({ name, message }) =>
  name === "create_authorization" && message ? [message] : []
);

/** Parts of tokens, keys and passwords that the genuine messages hold. */
const SECRETS: readonly string[] = [
  ...INGEST_TOKEN.split("."),
  ...authorizations.flatMap(({ payload }) => [
    payload.client?.preshared_key,
    payload.client_ice_credentials?.password,
    payload.gateway_ice_credentials?.password,
  ]),
].flatMap((secret) =>
  secret && secret.length >= PIECE_LENGTH
    ? [secret.slice(0, PIECE_LENGTH), secret.slice(-PIECE_LENGTH)]
    : []
);

/** A gateway on its channel, with a portal that makes mistakes; nothing that it says in confidence is logged. */
export const CHANNEL_TARGETS: readonly FuzzTarget[] = [{
  name: "portal/channel",
  runs: 150,
  generate: (choices) => choices.bytes(choices.below(400)),
  check: (input) => hear(new Tape(input)),
}];

/** Says genuine and mutated messages to a gateway. Returns the log lines that this led to. */
export function hear(tape: Tape): readonly string[] {
  const lines: string[] = [];
  const log = recorder(lines);
  const portal = new Harness({}, log).join();
  const world = GatewayHarness.initialized(log);

  while (!tape.isAtEnd) {
    const frame = tape.pick(tape.below(2) === 0 ? frames : authorizations);
    const mutator = new JsonMutator(tape, [frame]);
    const isGenuine = tape.below(4) === 0;
    portal.receiveText(
      isGenuine
        ? JSON.stringify(frame)
        : new TextDecoder().decode(mutator.next()),
    );
    const events = portal.events();
    assert.ok(events.length <= MOST_EVENTS, `${events.length} events`);
    for (const event of events) {
      if (event.kind === "message") world.tell(event.message);
    }
    if (tape.below(8) === 0) world.advance(1_000);
    world.takeEvents();
  }
  for (const line of lines) {
    for (const secret of SECRETS) assert.ok(!line.includes(secret), line);
  }
  return lines;
}

/** Returns the tape that a seed makes. */
export function tapeOf(seed: number): Tape {
  return new Tape(new SeededChoices(2 * seed).bytes(400));
}

function recorder(lines: string[]): Logger {
  const log: Logger = {
    enabled: () => true,
    log: (level, message, fields?: LogFields) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    },
    child: () => log,
  };
  return log;
}
