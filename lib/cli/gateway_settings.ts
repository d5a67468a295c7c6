import type { SocketAddress } from "../base/mod.ts";
import { TUN_NAME, type UdpOptions } from "../io/mod.ts";
import { stateDirectoryOf } from "./identity.ts";
import type { Environment } from "./installation.ts";
import { type MetricsTarget, readMetricsTarget } from "./metrics_settings.ts";
import type { SettingsReader } from "./settings.ts";

/** Where the control socket is unless systemd names another directory. */
const RUNTIME_DIRECTORY = "/run/firezone";

/** Longest path that fits into a `sockaddr_un`, unix(7). */
const SOCKET_PATH_LIMIT = 107;

/** Every address, as Firezone's gateway does. */
const HEALTH_CHECK_ADDRESS: SocketAddress = {
  ip: { family: 4, bytes: new Uint8Array(4) },
  port: 8080,
};

/** Nobody outside this host. */
const STATUS_PAGE_ADDRESS: SocketAddress = {
  ip: { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) },
  port: 8090,
};

/** What a gateway does to its host, and where it can be asked about itself. */
export interface GatewaySettings {
  /** Name of the TUN interface. Gateways that share a host need one each. */
  readonly tunName: string;
  /** Whether resources see the gateway's address instead of the client's. */
  readonly masquerade: boolean;
  /** Where health and metrics are served by HTTP. */
  readonly healthCheckAddress: SocketAddress;
  /** Where the status page is served; `off` for nowhere. */
  readonly statusPage: StatusPageSetting;
  /** Path of the Unix socket that `status` and its like talk to. */
  readonly controlSocket: string;
  /** Where it keeps what has to outlive it. */
  readonly stateDirectory: string;
  /** Buffers of the UDP sockets, as far as somebody said. */
  readonly udpBuffers: UdpBuffers;
  /** Whether the host's limits for socket buffers may be raised. */
  readonly raisesBufferLimits: boolean;
  /** Whether checksums of packets from the TUN interface are looked at. */
  readonly validatesChecksums: boolean;
  /** Where metrics are sent; `undefined` for nowhere. */
  readonly metricsTarget: MetricsTarget | undefined;
}

/** Where the status page is served. */
export type StatusPageSetting =
  | {
    readonly address: SocketAddress;
    /** Whether somebody said so. Otherwise several gateways of a host want the same place. */
    readonly isAsked: boolean;
  }
  | "off";

/** Sizes in bytes to ask for. */
export type UdpBuffers = Pick<
  UdpOptions,
  "receiveBufferBytes" | "sendBufferBytes"
>;

/** Reads what only a gateway is told. */
export function readGatewaySettings(
  reader: SettingsReader,
  environment: Environment,
): GatewaySettings {
  const tunName = readTunName(reader);
  return {
    tunName,
    masquerade: reader.flag("masquerade", true),
    healthCheckAddress: reader.socketAddress("health-check-addr") ??
      HEALTH_CHECK_ADDRESS,
    statusPage: readStatusPage(reader),
    controlSocket: readControlSocket(reader, tunName, environment),
    stateDirectory: stateDirectoryOf(tunName),
    udpBuffers: readUdpBuffers(reader),
    raisesBufferLimits: !reader.flag("no-inc-buf"),
    validatesChecksums: reader.flag("validate-checksums"),
    metricsTarget: readMetricsTarget(reader),
  };
}

function readStatusPage(reader: SettingsReader): StatusPageSetting {
  const asked = reader.socketAddressOrOff("status-page");
  if (asked === "off") return "off";
  return asked
    ? { address: asked, isAsked: true }
    : { address: STATUS_PAGE_ADDRESS, isAsked: false };
}

/** Reads which gateway of the host is meant. */
export function readTunName(reader: SettingsReader): string {
  return reader.text(
    "tun-name",
    TUN_NAME,
    isInterfaceName,
    "an interface name of 1 to 15 characters without blanks and slashes",
  );
}

/** Reads where the control socket of a gateway is. */
export function readControlSocket(
  reader: SettingsReader,
  tunName: string,
  environment: Environment,
): string {
  return reader.text(
    "control-socket",
    defaultControlSocket(tunName, environment("RUNTIME_DIRECTORY")),
    (text) => text.startsWith("/") && text.length <= SOCKET_PATH_LIMIT,
    `an absolute path of at most ${SOCKET_PATH_LIMIT} characters`,
  );
}

/** Reads the sizes of UDP buffers. */
function readUdpBuffers(reader: SettingsReader): UdpBuffers {
  const receiveBufferBytes = reader.byteCount("udp-recv-buffer-size");
  const sendBufferBytes = reader.byteCount("udp-send-buffer-size");
  return {
    ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
    ...(sendBufferBytes === undefined ? {} : { sendBufferBytes }),
  };
}

/** Returns where the control socket of a gateway is when nobody says; one beside the other where several share a host. */
function defaultControlSocket(
  tunName: string,
  runtimeDirectories: string | undefined,
): string {
  const [directory = RUNTIME_DIRECTORY] = (runtimeDirectories || undefined)
    ?.split(":") ?? [];
  const name = tunName === TUN_NAME ? "gateway" : `gateway-${tunName}`;
  return `${directory}/${name}.sock`;
}

/** What the kernel takes, and what nobody has to quote. */
function isInterfaceName(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(text);
}
