import { NO_LOG, randomU32 } from "../base/mod.ts";
import { DNS_PORT, writeQuery } from "../dns/mod.ts";
import {
  askGateway,
  askStun,
  ControlError,
  exchange,
  holdsNetAdmin,
  HostDns,
  inspectHost,
  isUdpPortFree,
  PROC_SYS,
  reachPortal,
  resolveBySystem,
  SYSTEM_RANDOM,
  systemInfo,
} from "../io/mod.ts";
import { GATEWAY_PROFILE, loginUrl, userAgent } from "../portal/mod.ts";
import type { GatewayStatus } from "../status/mod.ts";
import {
  type DoctorEffects,
  type DoctorSettings,
  examine,
  type Probe,
  PROBE_LIMIT_MS,
  renderDiagnoses,
} from "./doctor.ts";
import {
  probeBuffers,
  probeHost,
  probeInterface,
  probePort,
  probeProgram,
} from "./doctor_host.ts";
import {
  probeNameservers,
  probePortal,
  probeRelays,
} from "./doctor_network.ts";
import {
  examineCapability,
  examineIdentity,
  examineToken,
  examineTun,
} from "./examine.ts";
import { EXIT_FAILED, EXIT_STOPPED } from "./exit_code.ts";
import { readControlSocket, readTunName } from "./gateway_settings.ts";
import type { Environment } from "./installation.ts";
import type { RawSettings } from "./options.ts";
import type { Tool } from "./run_tool.ts";
import type { SettingsReader } from "./settings.ts";
import { UNTOUCHED_FILES } from "./state_files.ts";
import { VERSION } from "./version.ts";

/** Time for one answer of the network, in ms: less than for a probe, so that it has a result. */
const ANSWER_LIMIT_MS = PROBE_LIMIT_MS - 700;

/** All that is examined, in the order in which it is shown. */
const PROBES: ReadonlyMap<string, Probe> = new Map<string, Probe>([
  ["program", probeProgram],
  ["interface", probeInterface],
  ["host", probeHost],
  ["buffers", probeBuffers],
  ["UDP port", probePort],
  ["nameservers", probeNameservers],
  ["portal", probePortal],
  ["relays", probeRelays],
]);

/** Reads the settings of `doctor`. */
export function prepareDoctor(
  raw: RawSettings,
  reader: SettingsReader,
  environment: Environment,
): Tool {
  const { apiUrl, id } = reader.portal();
  const tunName = readTunName(reader);
  const controlSocket = readControlSocket(reader, tunName, environment);
  const settings: DoctorSettings = {
    apiUrl,
    tunName,
    masquerade: reader.flag("masquerade", true),
    stunServers: readStunServers(reader),
  };
  const rendersJson = reader.flag("json");
  const effects: DoctorEffects = {
    ...realEffects(apiUrl),
    runningGateway: () => askForStatus(controlSocket),
    token: () => examineToken(raw, environment, UNTOUCHED_FILES).finding,
    identity: () => examineIdentity(id, tunName, UNTOUCHED_FILES).finding,
    variable: environment,
  };
  return async ({ print }) => {
    const diagnoses = await examine(PROBES, effects, settings);
    print(
      rendersJson ? JSON.stringify({ diagnoses }) : renderDiagnoses(diagnoses),
    );
    const isIll = diagnoses.some(({ verdict }) => verdict === "failed");
    return isIll ? EXIT_FAILED : EXIT_STOPPED;
  };
}

function readStunServers(reader: SettingsReader): readonly string[] {
  const text = reader.text(
    "stun",
    "",
    (it) => it.split(",").every((server) => /^[^\s,]+:\d{1,5}$/.test(server)),
    "HOST:PORT, or several of them separated by commas",
  );
  return text === "" ? [] : text.split(",");
}

function realEffects(
  apiUrl: string,
): Omit<DoctorEffects, "runningGateway" | "token" | "identity" | "variable"> {
  return {
    capability: examineCapability,
    tun: examineTun,
    host: inspectHost,
    kernel: () => Deno.osRelease(),
    setting: (path) => PROC_SYS.read(path),
    exists,
    isPortFree: isUdpPortFree,
    async nameservers() {
      const { nameservers } = await new HostDns(NO_LOG).settings();
      return nameservers.map((ip) => ({ ip, port: DNS_PORT }));
    },
    async nameserverAnswers(server, name) {
      const id = randomU32(SYSTEM_RANDOM) & 0xffff;
      const answer = await exchange({
        server,
        transport: "udp",
        query: writeQuery({ id, name, type: "A" }),
        limitMs: ANSWER_LIMIT_MS,
        mark: holdsNetAdmin(),
      });
      return answer !== undefined;
    },
    resolve: resolveBySystem,
    portal() {
      const url = loginUrl(apiUrl, GATEWAY_PROFILE, []);
      if (!url.ok) throw new Error(`Cannot use the URL: ${url.error}`);
      const agent = userAgent({
        ...systemInfo(),
        component: GATEWAY_PROFILE.component,
        version: VERSION,
      });
      return reachPortal(url.value, agent, ANSWER_LIMIT_MS);
    },
    stun: askStun,
    unixNow: () => Date.now(),
  };
}

async function askForStatus(
  controlSocket: string,
): Promise<GatewayStatus | undefined> {
  try {
    const { status, text } = await askGateway(controlSocket, "/status");
    return status === 200 ? JSON.parse(text) : undefined;
  } catch (error) {
    if (error instanceof ControlError) return undefined;
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
