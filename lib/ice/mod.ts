/**
 * ICE: which of all address pairs between two nodes carries packets best, RFC 8445 as Firezone speaks it.
 *
 * Each side gathers candidates: its own sockets (host), what their packets
 * look like from outside a NAT (srflx, and prflx when only the peer sees it),
 * and addresses that a relay lends it (relay). The lines travel through the
 * portal one by one as they are found ("trickle"). Every local candidate is
 * paired with every remote one of its family. A pair is checked by a STUN
 * request that the other side must answer; as checks go on for the life of
 * the connection they keep NAT mappings open, too.
 *
 * The controlling side, always the client, selects the best pair on which a
 * check succeeded and names it in its next checks (USE-CANDIDATE), again and
 * again as better ones succeed. The controlled side sends on the best pair it
 * has been named, as long as the other side still checks it. Priorities are arranged so that both agree which is best.
 *
 * Where this departs from RFC 8445: there are no foundations that freeze
 * pairs and no pacing, checks of a pair never end, nomination is not final, a
 * role conflict cannot happen, and FINGERPRINT is sent but not checked.
 *
 * `Agent` is the whole of one side; `TransactionTable` is shared by all agents
 * of a node and finds the agent that a response belongs to.
 *
 * @module
 */
export {
  Agent,
  type AgentOptions,
  type CheckVerdict,
  type IceCredentials,
  type RemoteCandidateRefusal,
} from "./agent.ts";
export type { AgentEvent, AgentState, AgentTransmit } from "./agent_event.ts";
export {
  type Candidate,
  type CandidateLine,
  formatCandidate,
  formatInvalidation,
  isSameCandidate,
  parseCandidate,
  placeholderFor,
} from "./candidate.ts";
export {
  CandidatePair,
  type LocalCandidate,
  priorityOf,
} from "./candidate_pair.ts";
export {
  type Attempt,
  CheckSchedule,
  type CheckTiming,
  checkTiming,
  CLIENT_ACTIVE,
  CLIENT_IDLE,
  GATEWAY_ACTIVE,
  GATEWAY_IDLE,
} from "./check_schedule.ts";
export {
  type CheckRequest,
  encodeCheckRequest,
  encodeCheckResponse,
} from "./checks.ts";
export type { GatheredCandidate } from "./local_candidates.ts";
export {
  candidatePriority,
  checkPriority,
  type IceRole,
  localPreference,
  pairPriority,
  unadoptedPriority,
} from "./priority.ts";
export { type PendingCheck, TransactionTable } from "./transaction_table.ts";
