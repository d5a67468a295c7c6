import {
  type Cidr,
  equalIps,
  type IpAddress,
  type IpFamily,
  type Logger,
  MAX_PACKET_BYTES,
} from "../base/mod.ts";
import { EADDRNOTAVAIL, EEXIST, ENODEV } from "./errno.ts";
import { kernelRefusal } from "./errors.ts";
import { PROC_SYS } from "./kernel_settings.ts";
import { interfaceLosses } from "./kernel_losses.ts";
import { cString, libc } from "./libc.ts";
import type { NetlinkRequest } from "./netlink_message.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import { NetworkChanges } from "./network_changes.ts";
import {
  addAddress,
  addressOf,
  addServiceAddress,
  bringUp,
  disableLinkLocal,
  listAddresses,
  removeAddress,
  setMtu,
  setQueueLength,
} from "./route_messages.ts";
import { routingTables } from "./routing_tables.ts";
import { TunnelRoutes } from "./tunnel_routes.ts";

/** Values of `rp_filter`, ip-sysctl. */
const STRICT = "1";
const LOOSE = "2";

/** Packets that wait for us before the kernel drops (data-plane spec §3.3). */
const QUEUE_LENGTH = 10_000;

/** What the interface shall be. */
export interface InterfaceConfig {
  /** Our IPv4 address in the tunnel. */
  readonly ipv4: IpAddress;
  /** Our IPv6 address in the tunnel. */
  readonly ipv6: IpAddress;
  /** What is routed into the tunnel. A default route goes to a table of its own. */
  readonly routes: readonly Cidr[];
  /** Further addresses that services of ours listen at; none unless told otherwise. No packet leaves from them by itself. */
  readonly services?: readonly IpAddress[];
  /** Hosts that a default route is not for; none unless told otherwise. */
  readonly bypass?: readonly IpAddress[];
}

/** What the host lets us use. */
export interface InterfaceResult {
  /** Whether the IPv4 address could be set. */
  readonly ipv4: boolean;
  /** Whether the IPv6 address could be set. */
  readonly ipv6: boolean;
  /** The networks that are not routed into the tunnel, each with the reason. */
  readonly unrouted: readonly string[];
}

/**
 * Addresses, routes and rules of the TUN interface, by rtnetlink.
 *
 * Running `ip` instead would lose the capability of the binary (data-path
 * spec §6). What is not there yet is added, what should not be there removed;
 * the rest is left alone, so that applying the same twice disturbs nothing.
 */
export class NetworkConfig {
  readonly #name: string;
  readonly #index: number;
  readonly #netlink = new NetlinkSocket();
  readonly #changes: NetworkChanges;
  readonly #routes: TunnelRoutes;
  /** Whether other gateways may share the host. */
  readonly #isNamed: boolean;
  readonly #isLosing: () => boolean;

  /** Points at an interface that exists. */
  constructor(interfaceName: string, log: Logger) {
    this.#name = interfaceName;
    this.#index = libc().if_nametoindex(cString(interfaceName));
    this.#changes = new NetworkChanges(this.#netlink, log);
    const tables = routingTables(interfaceName);
    this.#isNamed = tables.answers !== undefined;
    this.#routes = new TunnelRoutes({
      ...{ index: this.#index, tables, kernel: this.#netlink, log },
    });
    if (this.#index === 0) {
      throw kernelRefusal(`find the interface ${interfaceName}`, ENODEV);
    }
    this.#isLosing = interfaceLosses(this.#netlink, this.#index);
  }

  /** Prepares the interface, and removes what an earlier run left in our tables. Refusals are only logged. */
  prepare(): void {
    this.#routes.flush();
    this.#changes.try(
      "set queue length",
      setQueueLength(this.#index, QUEUE_LENGTH),
    );
    this.#changes.try(
      "disable link-local address",
      disableLinkLocal(this.#index),
    );
    if (this.#isNamed) this.#loosenSourceCheck();
  }

  /**
   * Makes the interface as `config` says, and returns how much of that works.
   *
   * Throws when not even one address can be set, or the interface not be
   * brought up. Routes and rules that are refused are only logged.
   */
  apply(config: InterfaceConfig): InterfaceResult {
    this.#must("set the MTU", setMtu(this.#index, MAX_PACKET_BYTES));
    const { services = [], bypass = [] } = config;
    const ipv4 = this.#setAddress(config.ipv4, services);
    const ipv6 = this.#setAddress(config.ipv6, services);
    if (ipv4 !== 0 && ipv6 !== 0) {
      throw kernelRefusal(`set an address of ${this.#name}`, ipv4);
    }
    this.#must("bring up", bringUp(this.#index));

    const families: IpFamily[] = [];
    if (ipv4 === 0) families.push(4);
    if (ipv6 === 0) families.push(6);
    for (const address of services) {
      if (families.includes(address.family)) this.#addService(address);
    }
    const { routes } = config;
    const unrouted = this.#routes.apply({ families, routes, bypass });
    return { ipv4: ipv4 === 0, ipv6: ipv6 === 0, unrouted };
  }

  /** Lets neighbouring networks be reached past our default routes, as they are at present. */
  refreshLinkRoutes(): void {
    this.#routes.refreshLinkRoutes();
  }

  /** Tells whether the kernel has dropped packets that were to come to us since it was asked last. */
  isLosing(): boolean {
    return this.#isLosing();
  }

  /** Removes what does not vanish with the interface. */
  close(): void {
    this.#routes.close();
    this.#netlink.close();
  }

  /** Clients' addresses may lead to another gateway's interface, too: a strict check would drop what comes in by ours. */
  #loosenSourceCheck(): void {
    const path = `net/ipv4/conf/${this.#name}/rp_filter`;
    if (PROC_SYS.read(path) !== STRICT) return;
    const code = PROC_SYS.write({ path, value: LOOSE });
    if (code !== 0) this.#changes.noteRefused("loosen source check", code);
  }

  /** Leaves `wanted` and `services` as the only addresses of its family. Returns 0, or why it could not be set. */
  #setAddress(wanted: IpAddress, services: readonly IpAddress[]): number {
    const { family } = wanted;
    const present = this.#addresses(family);
    let isSet = false;
    for (const address of present) {
      if (isHost(address, wanted)) isSet = true;
      else if (!services.some((it) => isHost(address, it))) {
        this.#remove(address);
      }
    }
    if (isSet) return 0;

    const code = this.#netlink.request(
      addAddress(this.#index, hostNetwork(wanted)),
    );
    if (code === 0 || code === EEXIST) return 0;
    this.#changes.noteRefused("set address", code);
    return code;
  }

  #addService(address: IpAddress): void {
    const request = addServiceAddress(this.#index, hostNetwork(address));
    this.#changes.try("set service address", request, EEXIST);
  }

  /** Takes away an address, which may have gone by itself. */
  #remove(address: Cidr): void {
    const code = this.#netlink.request(removeAddress(this.#index, address));
    if (code === 0 || code === EADDRNOTAVAIL) return;
    throw kernelRefusal(`flush the addresses of ${this.#name}`, code);
  }

  #addresses(family: IpFamily): Cidr[] {
    const replies = this.#netlink.dump(listAddresses(this.#index, family));
    // A kernel without the family has no addresses of it.
    if (typeof replies === "number") return [];
    return replies.map((reply) => addressOf(reply, this.#index))
      .filter((address) => address !== undefined);
  }

  #must(action: string, request: NetlinkRequest): void {
    const code = this.#netlink.request(request);
    if (code === 0) return;
    throw kernelRefusal(`${action} of the interface ${this.#name}`, code);
  }
}

function hostNetwork(ip: IpAddress): Cidr {
  return { ip, prefixLength: ip.bytes.length * 8 };
}

function isHost({ ip, prefixLength }: Cidr, host: IpAddress): boolean {
  return equalIps(ip, host) && prefixLength === host.bytes.length * 8;
}
