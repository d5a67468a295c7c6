/**
 * Domain names: messages, and what a stub resolver decides, without I/O.
 *
 * A message is read in two depths. `readMessage` looks at header and question
 * only, which is all that forwarding, matching and refusing need; it never
 * throws, whatever the bytes. Records are decoded by the package `dns-packet`,
 * and only those of the answer section of a message whose records were walked
 * before.
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
