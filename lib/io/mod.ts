/**
 * The only folder that touches the world: sockets, TUN interface, clock, randomness, threads.
 *
 * Two threads. The main thread talks to the portal and to people. The data
 * worker owns every UDP socket and the TUN interface and runs one core, a
 * whole role without I/O, in a loop that never returns to the runtime: it
 * sleeps in `epoll_wait` and calls libc by FFI. So all protocol state has one
 * owner, and a packet crosses no thread. `DataPlane` is the main thread's
 * handle: messages go by `MessagePort`, and an eventfd wakes the loop.
 *
 * Packets live in the arena from receive to send. The structs that system
 * calls take live there too (`MessageRing`), so that a packet costs neither a
 * copy nor an allocation. When output is blocked nothing is read, and the
 * kernel drops.
 *
 * Every queue between socket and TUN device is the kernel's: receive buffers
 * of 16 MiB and 10 000 packets of the TUN device, first come, first served, the
 * last dropped. That is fair enough until one of them overflows. Then
 * `FairShare` drops before any work is spent: each peer keeps what is below
 * its max-min fair share of what the loop can carry, and what is beyond goes.
 * Data of a peer, his handshakes and STUN, and all else of an address count
 * apart, so the control path is never behind the data of a heavy one.
 *
 * One system call moves many packets. The TUN device gives and takes large
 * packets that stand for many: `TunFrame` splits them, each segment's headers
 * over the end of the segment before, and `TunWriter` merges what one batch of
 * datagrams held. Sockets do likewise: `ReceiveRing` shows one by one what the
 * kernel joined, `SendRing` sends in groups what goes to one destination.
 * Merged packets and groups are gathered by the kernel from where their parts
 * lie. What the kernel does not know how to do is found out at the start; what
 * it refuses later is done singly. Neither changes the order within a flow.
 *
 * The loop decides nothing. What the core asks of the kernel (addresses,
 * routes, further ports) it carries out by rtnetlink and system calls, with no
 * privilege but `CAP_NET_ADMIN`. What it added to the host's rules it removes
 * when it ends, also after a failure; the interface and its routes vanish
 * with the descriptor. What the kernel refuses is thrown as one error class
 * for each decision a caller can make.
 *
 * The host around a gateway is the main thread's business: `HostSetup` makes it
 * forward and translate, by nf_tables netlink and `/proc/sys`, once the worker
 * holds the interface, and undoes it before the worker lets go. What the
 * settings were stands as comments in a table named after the interface, where
 * the next start finds it after a crash. `FirewallWatch` tells when others have
 * changed the firewall, so that it can be done again. `inspectHost` only looks.
 *
 * Names are the main thread's business, too. Queries to nameservers must carry the
 * mark before their first packet, which sockets of the runtime do not allow:
 * `exchange` uses system sockets, and `SocketReactor` waits for all of them on
 * one other thread. `DnsServer` needs no mark and uses the runtime's sockets.
 *
 * On a host with idle cores crypto workers can help the data worker
 * (`CryptoWorkers`). It stays the one owner of all state: it hands off batches
 * of packets to be sealed or opened, in memory that holds nothing else, goes
 * on in the order it would have without them, and does itself whatever they
 * have not done in time. A batch that is read from the TUN device is sealed
 * before it is sent; one that was received is opened ahead of the core
 * (`ReadAhead`).
 *
 * `worker.ts` and `crypto_worker.ts` are the workers' entries. They are
 * loaded, never imported, so the build bundles each on its own.
 *
 * @module
 */
export { BufferLimits } from "./buffer_limits.ts";
export { holdsNetAdmin } from "./capability.ts";
export { Clock, SYSTEM_RANDOM } from "./clock.ts";
export type { Core, ShellNews, ShellRequest } from "./core.ts";
export { CRYPTO_WORKERS_LIMIT } from "./crypto_workers.ts";
export { DataPlane, type DataPlaneOptions } from "./data_plane.ts";
export type { DnsTransport } from "../dns/mod.ts";
export { type DnsExchange, exchange } from "./dns_exchange.ts";
export { Resolver, type ResolverOptions } from "./dns_resolver.ts";
export {
  DnsBindError,
  DnsServer,
  type DnsServerOptions,
} from "./dns_server.ts";
export {
  KernelRefusedError,
  MissingCapabilityError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
  TunNameTakenError,
  WorkerBrokenError,
  WorkerStalledError,
} from "./errors.ts";
export { FLOW_SPOOL_ROOT, FlowSpool } from "./flow_spool.ts";
export { FlowUploader, type FlowUploaderOptions } from "./flow_uploader.ts";
export { returnFreedMemory } from "./freed_memory.ts";
export type { LinkState } from "./link_state.ts";
export {
  askGateway,
  type ControlAnswer,
  ControlError,
  type ControlObstacle,
} from "./control_client.ts";
export {
  type HttpHandler,
  HttpServer,
  ListenError,
  type ListenObstacle,
} from "./http_server.ts";
export { type ProcessUsage, processUsage } from "./process_usage.ts";
export {
  ServiceManager,
  type ServiceManagerOptions,
  type ServiceState,
} from "./service_manager.ts";
export { settlesWithin } from "./settles_within.ts";
export { FirewallWatch } from "./firewall_watch.ts";
export { LinkEvents } from "./link_events.ts";
export { LinkProbe } from "./link_probe.ts";
export { seesInput } from "./gateway_table.ts";
export {
  type HostProblem,
  HostSetup,
  type HostSetupOptions,
} from "./host_setup.ts";
export {
  type DroppingChain,
  type HostReport,
  inspectHost,
  type SwitchState,
} from "./inspect_host.ts";
export type { LegacyVerdict } from "./legacy_rules.ts";
export type { NftChain, NftFamily, NftTable } from "./nft_messages.ts";
export { LineFile } from "./line_file.ts";
export { LineQueue, streamQueue } from "./line_queue.ts";
export { HostDns, type HostDnsPaths } from "./host_dns.ts";
export type { IoCounterName } from "./io_counters.ts";
export { type LogThresholds, rankOf, thresholdOf } from "./log_thresholds.ts";
export type { InterfaceConfig } from "./network_config.ts";
export { NetworkWatch, type NetworkWatchOptions } from "./network_watch.ts";
export type {
  ClientRoleSettings,
  GatewayRoleSettings,
  RelayRoleSettings,
  TunnelRoleSettings,
} from "./roles.ts";
export { TUN_NAME, tunObstacle } from "./tun_device.ts";
export type { UdpOptions } from "./udp_socket.ts";
export type { MainPort } from "./udp_sockets.ts";
export type {
  DataPlaneSnapshot,
  LocalPorts,
  LoopSnapshot,
} from "./worker_protocol.ts";
export type { SocketQueues } from "./udp_sockets.ts";
export {
  PortalConnection,
  type PortalConnectionOptions,
  type PortalEvent,
} from "./portal_connection.ts";
export { messageOf } from "./portal_dial.ts";
export type { AttemptLimits } from "./portal_upgrade.ts";
export { type PortalReport, reachPortal } from "./portal_probe.ts";
export type { SendRefusal } from "./send_refusal.ts";
export { askStun, isUdpPortFree, type StunQuestion } from "./stun_probe.ts";
export {
  type KernelSettings,
  PROC_SYS,
  type Setting,
} from "./kernel_settings.ts";
export { PortalServer, type PortalServerOptions } from "./portal_server.ts";
export { ResolvConfFile, type ResolvConfPaths } from "./resolv_conf_file.ts";
export { type Resolve, resolveBySystem } from "./resolver.ts";
export { FIREZONE_MARK } from "./routing_tables.ts";
export { TunnelDns, type TunnelDnsOptions } from "./tunnel_dns.ts";
export { type SystemInfo, systemInfo } from "./system_info.ts";
