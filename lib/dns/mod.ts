/**
 * Domain names: messages, and what a stub resolver decides, without I/O.
 *
 * A message is read in two depths. `readMessage` looks at header and question
 * only, which is all that forwarding, matching and refusing need; it never
 * throws, whatever the bytes. Records are decoded by the package `dns-packet`,
 * and only those of the answer section, after a walk over their lengths. A
 * reply repeats the question byte by byte and names its records by a pointer
 * to it, so that a client finds its own spelling again.
 *
 * For the names of DNS resources there is what a host's own resolver does:
 * `resolv.conf`, hosts file, search list, cache (data-plane spec §10).
 * `NameserverOrder` puts servers last that failed a moment ago. For the
 * service in the tunnel `NameserverRanking` knows the fastest by the latest
 * probes (§11); neither ever rules a server out. `io/` asks and serves.
 *
 * @module
 */
export {
  CLASS_IN,
  DNS_PORT,
  MAX_TCP_MESSAGE_BYTES,
  MAX_UDP_ANSWER_BYTES,
  RCODE_NAME_ERROR,
  RCODE_NO_ERROR,
  RCODE_SERVER_FAILURE,
  TYPE_A,
  TYPE_AAAA,
  TYPE_CNAME,
} from "./constants.ts";
export {
  type DnsMessage,
  type DnsTransport,
  hasReadableAnswers,
  isAnswerTo,
  readMessage,
  readQuery,
} from "./message.ts";
export {
  isQueryableName,
  type ReplyRecord,
  truncateAnswer,
  writeQuery,
  writeReply,
} from "./encode.ts";
export { type AddressAnswer, readAddresses } from "./answer.ts";
export { AddressCache } from "./address_cache.ts";
export { type HostsFile, parseHostsFile } from "./hosts_file.ts";
export { NameserverOrder } from "./nameserver_order.ts";
export { NameserverRanking, type ProbeOutcome } from "./nameserver_ranking.ts";
export {
  parseResolvConf,
  type ResolverSettings,
  searchOrder,
} from "./resolv_conf.ts";
