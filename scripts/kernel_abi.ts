/**
 * Asks the C compilers for both architectures what the constants and struct
 * layouts in lib/io are, and writes that to tests/vectors/kernel_abi.json.
 *
 * A test compares it with what lib/io says. Needs Debian's packages gcc,
 * gcc-aarch64-linux-gnu, libc6-dev and libc6-dev-arm64-cross.
 */

const VECTORS = "tests/vectors/kernel_abi.json";

const COMPILERS = { x86_64: "gcc", aarch64: "aarch64-linux-gnu-gcc" } as const;

const HEADERS = [
  ...["stddef.h", "errno.h", "fcntl.h", "poll.h", "time.h", "netinet/in.h"],
  ...["netinet/udp.h", "sys/epoll.h", "sys/eventfd.h", "sys/ioctl.h"],
  ...["sys/socket.h", "sys/stat.h", "sys/sysmacros.h", "sys/time.h"],
  ...["sys/uio.h", "sys/un.h", "linux/capability.h", "linux/if.h"],
  ...["linux/if_tun.h", "linux/in6.h", "linux/netlink.h", "linux/rtnetlink.h"],
  ...["linux/sock_diag.h", "linux/fib_rules.h", "linux/if_link.h"],
  ...["linux/virtio_net.h", "linux/netfilter.h", "linux/netfilter_ipv4.h"],
  "linux/netfilter_ipv4/ip_tables.h",
  ...["linux/netfilter/nfnetlink.h", "linux/netfilter/nf_tables.h"],
  "linux/netfilter/nf_tables_compat.h",
];

/** Names in lib/io that are those of the kernel or the C library, by their beginning or whole. */
const KERNEL_NAME = new RegExp(
  "^(?:" + [
    "(?:AF|SOCK|SOL|SO|IPPROTO|NLM|NLMSG|NLA|RTM|RTMGRP|RTA|RTN|RTPROT|RT)_\\w+",
    "(?:IFLA|IFA|IFF|IN6|FRA|FR|FIB|NFTA|NF|NFNL|CLOCK|EPOLL|EFD|MSG|O)_\\w+",
    "NFT_(?:MSG|REG|CT|PAYLOAD)_\\w+|NETLINK_(?:ROUTE|NETFILTER|GET_\\w+)",
    "IP_(?:TOS|PKTINFO|RECVTOS)|UDP_(?:SEGMENT|GRO)|POLLOUT|EPOLL[A-Z]+",
    "IPV6_(?:PKTINFO|TCLASS|RECV\\w+|V6ONLY|ADDR_\\w+|PREFER_\\w+)",
    "TUNSET[A-Z]+|CAP_NET_ADMIN|E[A-Z]+",
  ].join("|") + ")$",
);

/** Names that stand for more than one of the kernel's, and those with another name there. */
const ALIASES: Readonly<Record<string, string>> = {
  EFD_CLOEXEC_NONBLOCK: "EFD_CLOEXEC | EFD_NONBLOCK",
  IFF_TUN_NO_PI_VNET_HDR: "IFF_TUN | IFF_NO_PI | IFF_VNET_HDR",
  O_RDONLY_CLOEXEC: "O_RDONLY | O_CLOEXEC",
  SOCK_CLOEXEC_NONBLOCK: "SOCK_CLOEXEC | SOCK_NONBLOCK",
  SOCK_DGRAM_CLOEXEC: "SOCK_DGRAM | SOCK_CLOEXEC",
};

/** What else is said of structs, by file and name. Left out is what came with Linux 6.2: flags for large UDP packets. */
const LAYOUTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "ancillary_data.ts": {
    LENGTH: "offsetof(struct cmsghdr, cmsg_len)",
    LEVEL: "offsetof(struct cmsghdr, cmsg_level)",
    TYPE: "offsetof(struct cmsghdr, cmsg_type)",
    DATA: "CMSG_LEN(0)",
    ALIGNMENT: "CMSG_ALIGN(1)",
    IPV4_INFO_LENGTH: "sizeof(struct in_pktinfo)",
    IPV4_INFO_LOCAL: "offsetof(struct in_pktinfo, ipi_spec_dst)",
    IPV6_INFO_LENGTH: "sizeof(struct in6_pktinfo)",
    IPV6_INFO_LOCAL: "offsetof(struct in6_pktinfo, ipi6_addr)",
  },
  "capability.ts": { LAYOUT_VERSION: "_LINUX_CAPABILITY_VERSION_3" },
  "epoll.ts": {
    X86_64_EVENT_BYTES: "sizeof(struct epoll_event)",
    ARM64_EVENT_BYTES: "sizeof(struct epoll_event)",
  },
  "kernel_losses.ts": {
    MEMORY_COUNTERS: "SK_MEMINFO_VARS",
    RECEIVED_BYTES: "SK_MEMINFO_RMEM_ALLOC",
    RECEIVE_BUFFER: "SK_MEMINFO_RCVBUF",
    DROPS: "SK_MEMINFO_DROPS",
    STATS_FIXED_BYTES: "sizeof(struct if_stats_msg)",
    FILTER_LINK_64: "IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)",
    TX_DROPPED_AT: "offsetof(struct rtnl_link_stats64, tx_dropped)",
  },
  "legacy_firewall.ts": {
    SO_GET_INFO: "IPT_SO_GET_INFO",
    SO_GET_ENTRIES: "IPT_SO_GET_ENTRIES",
    ENTRIES_SIZE: "offsetof(struct ipt_get_entries, size)",
  },
  "link_messages.ts": {
    LINK_FIXED_BYTES: "sizeof(struct ifinfomsg)",
    LINK_INDEX: "offsetof(struct ifinfomsg, ifi_index)",
    ADDRESS_FIXED_BYTES: "sizeof(struct ifaddrmsg)",
    ADDRESS_SCOPE: "offsetof(struct ifaddrmsg, ifa_scope)",
    ADDRESS_INTERFACE: "offsetof(struct ifaddrmsg, ifa_index)",
  },
  "link_state.ts": {
    FIXED_BYTES: "sizeof(struct ifinfomsg)",
    FLAGS: "offsetof(struct ifinfomsg, ifi_flags)",
    STATS_SENT_DROPPED: "offsetof(struct rtnl_link_stats64, tx_dropped)",
  },
  "message_ring.ts": {
    HEADER_BYTES: "sizeof(struct mmsghdr)",
    NAME: "offsetof(struct mmsghdr, msg_hdr.msg_name)",
    NAME_LENGTH: "offsetof(struct mmsghdr, msg_hdr.msg_namelen)",
    VECTOR: "offsetof(struct mmsghdr, msg_hdr.msg_iov)",
    VECTOR_COUNT: "offsetof(struct mmsghdr, msg_hdr.msg_iovlen)",
    CONTROL: "offsetof(struct mmsghdr, msg_hdr.msg_control)",
    CONTROL_LENGTH: "offsetof(struct mmsghdr, msg_hdr.msg_controllen)",
    FLAGS: "offsetof(struct mmsghdr, msg_hdr.msg_flags)",
    MESSAGE_LENGTH: "offsetof(struct mmsghdr, msg_len)",
    VECTOR_BYTES: "sizeof(struct iovec)",
    VECTOR_BASE: "offsetof(struct iovec, iov_base)",
    VECTOR_LENGTH: "offsetof(struct iovec, iov_len)",
  },
  "netlink_group.ts": {
    NAME_BYTES: "sizeof(struct sockaddr_nl)",
    NAME_GROUPS: "offsetof(struct sockaddr_nl, nl_groups)",
  },
  "netlink_message.ts": {
    LENGTH: "offsetof(struct nlmsghdr, nlmsg_len)",
    TYPE: "offsetof(struct nlmsghdr, nlmsg_type)",
    FLAGS: "offsetof(struct nlmsghdr, nlmsg_flags)",
    SEQUENCE: "offsetof(struct nlmsghdr, nlmsg_seq)",
    NETLINK_HEADER_BYTES: "sizeof(struct nlmsghdr)",
    ATTRIBUTE_HEADER_BYTES: "sizeof(struct nlattr)",
    ATTRIBUTE_TYPE: "offsetof(struct nlattr, nla_type)",
    ALIGNMENT: "NLMSG_ALIGNTO",
  },
  "netlink_socket.ts": {
    NETLINK_NAME_BYTES: "sizeof(struct sockaddr_nl)",
    NETLINK_NAME_PORT: "offsetof(struct sockaddr_nl, nl_pid)",
  },
  "nft_expressions.ts": { INTERFACE_NAME_BYTES: "IFNAMSIZ" },
  "nft_messages.ts": { NFT_FIXED_BYTES: "sizeof(struct nfgenmsg)" },
  "route_messages.ts": {
    ADDRESS_FIXED_BYTES: "sizeof(struct ifaddrmsg)",
    ADDRESS_PREFIX: "offsetof(struct ifaddrmsg, ifa_prefixlen)",
    ADDRESS_INTERFACE: "offsetof(struct ifaddrmsg, ifa_index)",
    ROUTE_FIXED_BYTES: "sizeof(struct rtmsg)",
    ROUTE_TABLE: "offsetof(struct rtmsg, rtm_table)",
    ROUTE_SCOPE: "offsetof(struct rtmsg, rtm_scope)",
    ROUTE_TYPE: "offsetof(struct rtmsg, rtm_type)",
  },
  "sockaddr.ts": {
    FAMILY: "offsetof(struct sockaddr_in6, sin6_family)",
    PORT: "offsetof(struct sockaddr_in6, sin6_port)",
    IPV4_ADDRESS: "offsetof(struct sockaddr_in, sin_addr)",
    IPV6_ADDRESS: "offsetof(struct sockaddr_in6, sin6_addr)",
    IPV4_LENGTH: "sizeof(struct sockaddr_in)",
    IPV6_LENGTH: "sizeof(struct sockaddr_in6)",
  },
  "socket_queue.ts": {
    RMEM_ALLOC: "SK_MEMINFO_RMEM_ALLOC",
    DROPS: "SK_MEMINFO_DROPS",
    WORDS: "SK_MEMINFO_VARS",
  },
  "tun_device.ts": {
    NODE_DEVICE: "makedev(10, 200)",
    NODE_MODE: "S_IFCHR | 0666",
    IFREQ_BYTES: "sizeof(struct ifreq)",
    IFREQ_FLAGS: "offsetof(struct ifreq, ifr_flags)",
    NAME_LIMIT: "IFNAMSIZ - 1",
  },
  "tun_offloads.ts": {
    CSUM: "TUN_F_CSUM",
    TSO4: "TUN_F_TSO4",
    TSO6: "TUN_F_TSO6",
  },
  "tun_writer.ts": {
    VECTOR_BYTES: "sizeof(struct iovec)",
    VECTOR_LENGTH: "offsetof(struct iovec, iov_len)",
  },
  "unix_name.ts": {
    PATH_BYTES: "sizeof(((struct sockaddr_un *)0)->sun_path)",
    FAMILY_BYTES: "offsetof(struct sockaddr_un, sun_path)",
  },
  "virtio_header.ts": {
    VIRTIO_HEADER_BYTES: "sizeof(struct virtio_net_hdr)",
    FLAGS: "offsetof(struct virtio_net_hdr, flags)",
    SEGMENTATION: "offsetof(struct virtio_net_hdr, gso_type)",
    HEADER_LENGTH: "offsetof(struct virtio_net_hdr, hdr_len)",
    SEGMENT_SIZE: "offsetof(struct virtio_net_hdr, gso_size)",
    CHECKSUM_START: "offsetof(struct virtio_net_hdr, csum_start)",
    CHECKSUM_OFFSET: "offsetof(struct virtio_net_hdr, csum_offset)",
    NEEDS_CHECKSUM: "VIRTIO_NET_HDR_F_NEEDS_CSUM",
    SEGMENTS_NONE: "VIRTIO_NET_HDR_GSO_NONE",
    SEGMENTS_TCP4: "VIRTIO_NET_HDR_GSO_TCPV4",
    SEGMENTS_TCP6: "VIRTIO_NET_HDR_GSO_TCPV6",
  },
  "wait.ts": {
    POLLFD_BYTES: "sizeof(struct pollfd)",
    POLLFD_EVENTS: "offsetof(struct pollfd, events)",
  },
};

/** A number in lib/io, and what it is in C. */
export interface KernelConstant {
  /** File in lib/io. */
  readonly file: string;
  /** Name there. */
  readonly name: string;
  /** Value there. */
  readonly value: number;
  /** The same in C. */
  readonly expression: string;
}

/** What each architecture's compiler says of the expressions. */
export type KernelAbi = Readonly<
  Record<keyof typeof COMPILERS, Readonly<Record<string, number>>>
>;

/** Returns the constants in a file of lib/io that are the kernel's or the C library's. Throws when one of the layouts above is not in it. */
export function kernelConstants(file: string, text: string): KernelConstant[] {
  const layouts = LAYOUTS[file] ?? {};
  const found: KernelConstant[] = [];
  const pattern = /^(?:export )?const ([A-Z]\w*) =\s+([-()\w\s|<*]+);/gm;
  for (const [, name, source] of text.matchAll(pattern)) {
    const expression = layouts[name!] ?? ALIASES[name!] ??
      (KERNEL_NAME.test(name!) ? name : undefined);
    const value = valueOf(source!);
    if (expression === undefined || Number.isNaN(value)) continue;
    found.push({ file, name: name!, value, expression });
  }
  for (const name of Object.keys(layouts)) {
    if (found.some((constant) => constant.name === name)) continue;
    throw new Error(`Cannot find ${name} in ${file}`);
  }
  return found;
}

/** Returns all such constants of the folder `lib/io`. */
export function allKernelConstants(folder: string): KernelConstant[] {
  const files = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  return files.filter((file) => file.endsWith(".ts")).flatMap((file) =>
    kernelConstants(file, Deno.readTextFileSync(`${folder}/${file}`))
  );
}

/** Computes numbers joined by `|`, `<<` and `*`; anything else is NaN. */
function valueOf(source: string): number {
  const [left, ...others] = source.split("|");
  if (others.length > 0) {
    return others.reduce((sum, part) => sum | valueOf(part), valueOf(left!));
  }
  const text = source.replaceAll(/[()\s]|(?<=\d)_/g, "");
  const [, a, operator, b] = /^(\w+)(<<|\*)(\w+)$/.exec(text) ?? [];
  if (a === undefined) return Number(text);
  return operator === "*" ? Number(a) * Number(b) : Number(a) << Number(b);
}

/** Has a compiler print expressions into the assembly it makes, so that nothing needs to run. */
async function compile(
  compiler: string,
  expressions: readonly string[],
): Promise<Record<string, number>> {
  const text = [
    "#define _GNU_SOURCE",
    ...HEADERS.map((header) => `#include <${header}>`),
    "void print(void) {",
    ...expressions.map((expression) =>
      `  __asm__ volatile("\\n=> %0" : : "i"((long)(${expression})));`
    ),
    "}",
  ].join("\n");
  const child = new Deno.Command(compiler, {
    args: ["-x", "c", "-S", "-O1", "-o", "-", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`${compiler} refuses what it was given`);
  const values = new TextDecoder().decode(stdout).matchAll(
    /^=> [$#]?(-?\d+)$/gm,
  );
  return Object.fromEntries(
    Array.from(values, ([, value], i) => [expressions[i], Number(value)]),
  );
}

if (import.meta.main) {
  const expressions = Array.from(
    new Set(allKernelConstants("lib/io").map(({ expression }) => expression)),
  ).sort();
  const abi: KernelAbi = {
    x86_64: await compile(COMPILERS.x86_64, expressions),
    aarch64: await compile(COMPILERS.aarch64, expressions),
  };
  await Deno.writeTextFile(VECTORS, `${JSON.stringify(abi, null, 1)}\n`);
  console.log(`${VECTORS} has ${expressions.length} values`);
}
