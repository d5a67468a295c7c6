import { BufferLimits, inspectHost, TUN_NAME } from "../io/mod.ts";
import { CLIENT_COMMAND, PORTAL_COMMAND, RELAY_COMMAND } from "./commands.ts";
import { noticeOf } from "./doctor.ts";
import { judgeHost } from "./doctor_host.ts";
import {
  examineCapability,
  examineFlowLogs,
  examineIdentity,
  examineNames,
  examineToken,
  examineTun,
  type Finding,
  hostName,
} from "./examine.ts";
import {
  type GatewaySettings,
  readGatewaySettings,
} from "./gateway_settings.ts";
import type { Environment, Installation } from "./installation.ts";
import { type Process, runNode } from "./node_runner.ts";
import type { CommandSpec, RawSettings } from "./options.ts";
import { clientRole } from "./run_client.ts";
import { gatewayRole } from "./run_gateway.ts";
import { runPortal } from "./run_portal.ts";
import { relayRole } from "./run_relay.ts";
import type { PortalSettings, SettingsReader } from "./settings.ts";
import { type StateFiles, UNTOUCHED_FILES } from "./state_files.ts";

/** A role whose settings were read. Nothing has happened yet. */
export interface Launch {
  /** Looks at all that the role cannot start without. An identity that has to be made up is kept in `files`. */
  readonly examine: (files: StateFiles) => Examination;
  /** Looks at what else the role will need of its host. */
  readonly examineHost: () => Promise<Finding[]>;
}

/** What was found, and how to run the role: only without any fault. */
export interface Examination {
  /** What was found. */
  readonly findings: readonly Finding[];
  /** Runs the role and returns the exit code. */
  readonly run: ((process: Process) => Promise<number>) | undefined;
}

/** Where settings come from. */
export interface SettingSources {
  /** Flags and variables, unread. */
  readonly raw: RawSettings;
  /** Reads them and notes what cannot be used. */
  readonly reader: SettingsReader;
  /** All other variables. */
  readonly environment: Environment;
}

/** Reads the settings of a role. What cannot be used is noted in the reader. */
export function prepareLaunch(
  spec: CommandSpec,
  sources: SettingSources,
): Launch {
  switch (spec) {
    case PORTAL_COMMAND:
      return preparePortal(sources);
    case RELAY_COMMAND:
      return prepareRelay(sources);
    case CLIENT_COMMAND:
      return prepareClient(sources);
    default:
      return prepareGateway(sources);
  }
}

function prepareGateway(sources: SettingSources): Launch {
  const { reader, environment } = sources;
  const portal = reader.portal();
  const gateway = readGatewaySettings(reader, environment);
  const flowLogs = reader.flowLogs(gateway.stateDirectory);
  const node: TunnelNode = {
    portal,
    tunName: gateway.tunName,
    findings: () => [examineFlowLogs(flowLogs)],
    hostFindings: () => examineSetup(gateway),
    run: (installation, process) =>
      withBufferLimits(
        gateway,
        process,
        () => runNode(gatewayRole(installation, gateway, flowLogs), process),
      ),
  };
  return tunnelLaunch(node, sources);
}

function prepareClient(sources: SettingSources): Launch {
  const { reader } = sources;
  const portal = reader.portal();
  const client = reader.client();
  const node: TunnelNode = {
    portal,
    tunName: TUN_NAME,
    findings: () => [],
    hostFindings: () => [],
    run: (installation, process) =>
      runNode(clientRole(installation, client), process),
  };
  return tunnelLaunch(node, sources);
}

/** A gateway or a client before anything is known of its host. */
interface TunnelNode {
  readonly portal: PortalSettings;
  readonly tunName: string;
  /** What it needs of its own. */
  readonly findings: () => Finding[];
  /** What it would meet on this host. */
  readonly hostFindings: () => Finding[];
  readonly run: (
    installation: Installation,
    process: Process,
  ) => Promise<number>;
}

function tunnelLaunch(
  node: TunnelNode,
  { raw, reader, environment }: SettingSources,
): Launch {
  const { portal, tunName } = node;
  const cryptoWorkers = reader.cryptoWorkers();
  const checksCapability = !reader.flag("no-check");
  return {
    examine(files) {
      const findings = checksCapability ? [examineCapability()] : [];
      const token = examineToken(raw, environment, files);
      findings.push(token.finding, ...node.findings());
      // Nothing is written for a start that does not take place.
      const isFaulty = findings.some(({ fault }) => fault !== undefined);
      const identity = examineIdentity(
        portal.id,
        tunName,
        isFaulty ? UNTOUCHED_FILES : files,
      );
      findings.push(identity.finding);
      if (isFaulty || !token.value || !identity.value) {
        return { findings, run: undefined };
      }
      const installation: Installation = {
        apiUrl: portal.apiUrl,
        identity: identity.value.id,
        name: portal.name ?? hostName(),
        token: token.value,
        maxPartitionMs: portal.maxPartitionMs,
        cryptoWorkers,
      };
      return {
        findings,
        run: (process) => node.run(installation, process),
      };
    },
    examineHost: async () => [
      examineTun(tunName),
      ...node.hostFindings(),
      await examineNames(),
    ],
  };
}

/** Looks at what the gateway would warn of: it starts with it, but clients reach nothing. */
function examineSetup({ tunName, masquerade }: GatewaySettings): Finding[] {
  const where = { tunName, masquerade, isRunning: false };
  return judgeHost(inspectHost(tunName), where).map(noticeOf);
}

function prepareRelay(
  { raw, reader, environment }: SettingSources,
): Launch {
  const portal = reader.portal();
  const relay = reader.relay();
  return {
    examine(files) {
      const { finding, value } = examineToken(raw, environment, files);
      return {
        findings: [finding],
        run: value &&
          ((process) => runNode(relayRole(portal, relay, value), process)),
      };
    },
    examineHost: () => Promise.resolve([]),
  };
}

function preparePortal({ reader }: SettingSources): Launch {
  const settings = reader.portalServer();
  return {
    examine: () => ({
      findings: [],
      run: (process) => runPortal(settings, process),
    }),
    examineHost: () => Promise.resolve([]),
  };
}

/** Runs a gateway with the host's limits for socket buffers raised, unless it may not. */
async function withBufferLimits(
  { raisesBufferLimits }: GatewaySettings,
  { sink }: Process,
  run: () => Promise<number>,
): Promise<number> {
  if (!raisesBufferLimits) return await run();
  const limits = new BufferLimits(sink.logger("io"));
  limits.raise();
  try {
    return await run();
  } finally {
    limits.restore();
  }
}
