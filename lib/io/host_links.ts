import {
  globalAddressAt,
  type Link,
  linkOf,
  listIpv6Addresses,
  listLinks,
} from "./link_messages.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

/** The host's interfaces at one moment. */
export interface HostLinks {
  /** Their names. */
  readonly names: readonly string[];
  /** Those with an IPv6 address that counts beyond the link. */
  readonly withIpv6: readonly string[];
}

/** Lists the host's interfaces. */
export function readHostLinks(): HostLinks {
  const netlink = new NetlinkSocket();
  try {
    const links = listed(netlink.dump(listLinks()), linkOf);
    const indexes = listed(netlink.dump(listIpv6Addresses()), globalAddressAt);
    const names = ({ name }: Link) => name;
    return {
      names: links.map(names),
      withIpv6: links.filter(({ index }) => indexes.includes(index)).map(names),
    };
  } finally {
    netlink.close();
  }
}

/** A kernel without the family has no addresses of it. */
function listed<Reply, Item>(
  replies: readonly Reply[] | number,
  read: (reply: Reply) => Item | undefined,
): Item[] {
  if (typeof replies === "number") return [];
  return replies.map(read).filter((it) => it !== undefined);
}
