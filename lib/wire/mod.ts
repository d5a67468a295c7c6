/**
 * Layouts: IP packets, STUN, ChannelData, WireGuard, Firezone's in-tunnel messages, candidate lines.
 *
 * Everything here turns bytes into fields and back. There is no state, no time
 * and no cryptography, and nothing throws: bytes come from strangers, so a
 * parser answers with a literal reason and its caller counts it.
 *
 * Parsers are reusable views. `attach(bytes, start, end)` checks every length
 * once; after a success the getters read at known offsets and cannot fail. A
 * view borrows the bytes and allocates nothing, so one view serves a whole
 * data path. Getters whose name ends in `At` return an index into the bytes.
 * Edits of a packet are incremental: a checksum that was wrong stays wrong by
 * the same amount (data-plane spec §13.2).
 *
 * Whole checksums and the split of large packets are the work of a kernel in
 * AssemblyScript with SIMD, in `wasm/`, compiled by `scripts/build_wasm.ts`
 * into a checked-in module (`SegmentKernel`).
 *
 * @module
 */
export {
  IpPacketView,
  PACKET_REFUSALS,
  type PacketRefusal,
} from "./ip_packet.ts";
export {
  packSelector,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type Selector,
  SELECTOR_ECHO,
  SELECTOR_OTHER_ICMP,
  SELECTOR_OTHER_PROTOCOL,
  SELECTOR_TCP,
  SELECTOR_UDP,
  selectorKind,
  selectorValue,
} from "./selector.ts";
export {
  type IcmpErrorClass,
  IcmpErrorView,
  isIcmpErrorMessage,
} from "./icmp_error.ts";
export {
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  tcpFlags,
  transportPayloadLength,
} from "./tcp.ts";
export { type IcmpReplyKind, writeIcmpReply } from "./icmp_reply.ts";
export { rebuildIcmpError } from "./icmp_translation.ts";
export {
  applyOuterEcn,
  replaceDestinationAddress,
  replaceDestinationPort,
  replaceEchoIdentifier,
  replaceSourceAddress,
  replaceSourcePort,
} from "./packet_edit.ts";
export { type ChecksumDefect, checksumDefect } from "./checksum_defect.ts";
export {
  adjustChecksum,
  foldSum,
  internetChecksum,
  pseudoHeaderSum,
  sumWords,
  wordChange,
} from "./checksum.ts";
export { SegmentKernel } from "./segment_kernel.ts";
export { type TransportKind, TransportView } from "./transport_view.ts";
export {
  encodeGoodbye,
  encodeP2pControl,
  isP2pControl,
  P2P_ASSIGNED_IPS,
  P2P_DOMAIN_STATUS,
  P2P_GOODBYE,
  p2pControlEvent,
  p2pControlPayloadAt,
} from "./p2p_control.ts";
export {
  type AssignedIps,
  type DomainStatus,
  encodeAssignedIps,
  encodeDomainStatus,
  P2P_PAYLOAD_REFUSALS,
  type P2pPayloadRefusal,
  readAssignedIps,
  readDomainStatus,
} from "./p2p_domain.ts";
export {
  encodePathProbe,
  pathProbeIdentifier,
  pathProbeSequence,
  pathProbeType,
  PROBE_REPLY,
  PROBE_REQUEST,
} from "./path_probe.ts";
export {
  CANDIDATE_PREFIX,
  type CandidateFields,
  type CandidateKind,
  formatCandidateLine,
  parseCandidateFields,
} from "./candidate_line.ts";
export {
  CHANNEL_DATA_HEADER_LENGTH,
  type ChannelDataRefusal,
  ChannelDataView,
  HIGHEST_DATA_CHANNEL,
  LOWEST_DATA_CHANNEL,
  writeChannelDataHeader,
} from "./channel_data.ts";
export {
  encodeStun,
  STUN_HEADER_LENGTH,
  STUN_METHOD,
  type StunClass,
  type StunMessage,
  type StunRefusal,
  StunView,
  TRANSACTION_ID_LENGTH,
} from "./stun.ts";
export {
  ATTRIBUTE,
  ATTRIBUTE_HEADER_LENGTH,
  MAGIC_COOKIE,
  type StunAttribute,
} from "./stun_attributes.ts";
export {
  type PeerFormat,
  peerFormat,
  RELAY_PORT,
  type RelayFormat,
  relayFormat,
} from "./demux.ts";
export {
  COOKIE_REPLY,
  DATA_MESSAGE,
  HANDSHAKE_INITIATION,
  HANDSHAKE_RESPONSE,
  type WireguardMessageType,
  wireguardMessageType,
  wireguardReceiver,
} from "./wireguard.ts";
