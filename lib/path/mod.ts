/**
 * Paths without ICE: handshakes tell that there is a way, probes inside the tunnel tell which is best, p2p spec §3.
 *
 * Two nodes that do without ICE exchange candidates through the portal as with
 * ICE, but no STUN. The client sends its first handshake initiation on every
 * pair of addresses in which a relay takes part, many times, because some of
 * these ways open only while the relays still bind channels. The gateway sends
 * the response back the way the initiation came, to each copy the same one.
 * With that there is a session, most likely a relayed one.
 *
 * From then on each side sends ICMPv6 echo requests through the tunnel on all
 * pairs. A reply goes back the way its request came, so it proves that pair
 * and times it. Each side takes the best pair that was proved as its primary,
 * for its own direction: first by what the pair is made of, direct before
 * relayed, then by speed. A primary that has proved itself is left only for a
 * better one; one that answers no probe at all, for any that does. When
 * handshakes go unanswered, or candidates change, all is measured again, and
 * packets keep to the last path until that is done.
 *
 * `PathAgent` is the whole of one side but the tunnel, which its owner has:
 * the owner tells it what the tunnel accepted, and seals the probes.
 * `ResponseCache` is shared by all agents of a node.
 *
 * @module
 */
export {
  PathAgent,
  type PathTransmit,
  type ProbeReplyVerdict,
  type SelectedPath,
} from "./agent.ts";
export {
  formatPathCandidate,
  parsePathCandidate,
  PATH_PRIORITY,
  type PathCandidate,
  type PathKind,
  socketOf,
} from "./candidate.ts";
export { type PathEnds } from "./pair.ts";
export { type CachedResponse, ResponseCache } from "./response_cache.ts";
