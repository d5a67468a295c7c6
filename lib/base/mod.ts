/**
 * What every layer uses: time, bytes, addresses, bounded queues, counters, results.
 *
 * Nothing here does I/O. Time is an `Instant` that callers pass in, randomness
 * a `RandomSource`, log output a `Logger`; the real ones live in `io/` and
 * `cli/`, seeded ones in the tests.
 *
 * @module
 */
export { type brand } from "./brand.ts";
export { assert, AssertionError, unreachable } from "./assert.ts";
export { err, ok, type Result } from "./result.ts";
export {
  after,
  earlier,
  elapsedMs,
  type Epoch,
  type Instant,
  instant,
  instantAt,
  NEVER,
  unixAt,
  type UnixMs,
  unixMs,
} from "./time.ts";
export {
  randomBelow,
  randomBytes,
  type RandomSource,
  randomU32,
  randomUnit,
} from "./random.ts";
export { Queue } from "./queue.ts";
export { Deadlines, type Timed } from "./deadlines.ts";
export { Counters } from "./counters.ts";
export { Histogram, type HistogramSnapshot } from "./histogram.ts";
export {
  type LogFields,
  type Logger,
  type LogLevel,
  type LogValue,
  NO_LOG,
} from "./log.ts";
export {
  concatBytes,
  copyBytes,
  EMPTY,
  equalBytes,
  fromBase64,
  fromHex,
  readU16,
  readU16LE,
  readU32,
  readU32LE,
  readU64LE,
  shortLivedBytes,
  toBase64,
  toHex,
  utf8,
  writeU16,
  writeU16LE,
  writeU32,
  writeU32LE,
  writeU64LE,
} from "./bytes.ts";
export {
  type Cidr,
  cidrContains,
  cidrContainsBytes,
  equalIps,
  equalSocketAddresses,
  formatCidr,
  formatIp,
  formatSocketAddress,
  type IpAddress,
  ipEqualsBytes,
  type IpFamily,
  ipFromBytes,
  isUsableAddress,
  isUsableIp,
  parseCidr,
  parseIp,
  parseSocketAddress,
  type SocketAddress,
} from "./address.ts";
export { fnv1a64 } from "./hash.ts";
export { finishHash, mixAddress, mixWord } from "./murmur.ts";
export { Backoff, type BackoffPlan } from "./backoff.ts";
export { TokenBucket } from "./token_bucket.ts";
export { Secret } from "./secret.ts";
export {
  type IngestToken,
  type IngestTokenClaims,
  type IngestTokenRole,
} from "./ingest_token.ts";
export { SocketTable } from "./socket_table.ts";
export { Arena, KERNEL_RESERVED_BYTES } from "./arena.ts";
export {
  type Datagram,
  DATAGRAM_ROOM_BYTES,
  type DatagramSink,
  type Ecn,
  MAX_DATAGRAM_BYTES,
  MAX_PACKET_BYTES,
  PACKET_ROOM_BYTES,
  type PacketSink,
  type Transmit,
} from "./datagram.ts";
