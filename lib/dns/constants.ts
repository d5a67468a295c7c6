/** Record type of an IPv4 address, RFC 1035 §3.2.2. */
export const TYPE_A = 1;

/** Record type of an alias, RFC 1035 §3.2.2. */
export const TYPE_CNAME = 5;

/** Record type of an IPv6 address, RFC 3596 §2.1. */
export const TYPE_AAAA = 28;

/** The Internet, RFC 1035 §3.2.4. */
export const CLASS_IN = 1;

/** Response code: answered, perhaps with no record of the type, RFC 1035 §4.1.1. */
export const RCODE_NO_ERROR = 0;

/** Response code: the server could not find out. */
export const RCODE_SERVER_FAILURE = 2;

/** Response code: there is no such name. */
export const RCODE_NAME_ERROR = 3;

/** Largest UDP answer of the tunnel's DNS service, in bytes (data-plane spec §1.2). */
export const MAX_UDP_ANSWER_BYTES = 1_200;

/** Largest TCP message: its length prefix has 16 bits, RFC 1035 §4.2.2. */
export const MAX_TCP_MESSAGE_BYTES = 0xffff;

/** Nameservers listen here. */
export const DNS_PORT = 53;
