import type { SocketAddress } from "../base/mod.ts";
import type { HostReport, PortalReport, StunQuestion } from "../io/mod.ts";
import type { GatewayStatus } from "../status/mod.ts";
import type { Finding } from "./examine.ts";

/** Longest time for one probe, in ms. */
export const PROBE_LIMIT_MS = 3_000;

/** How something is: well, in a way that costs something, or so that a gateway cannot serve. */
export type Verdict = "ok" | "warning" | "failed";

/** What was found out about one thing. */
export interface Diagnosis {
  /** The thing, in a word or two. */
  readonly subject: string;
  /** How it is. */
  readonly verdict: Verdict;
  /** What was found. */
  readonly detail: string;
  /** What to do. */
  readonly remedy?: string;
}

/** What is to be examined. */
export interface DoctorSettings {
  /** The portal. */
  readonly apiUrl: string;
  /** Interface of the gateway. */
  readonly tunName: string;
  /** Whether addresses are to be translated. */
  readonly masquerade: boolean;
  /** STUN servers as `HOST:PORT`, if somebody named some. */
  readonly stunServers: readonly string[];
}

/** All that probes look at. Tests play it. */
export interface DoctorEffects {
  /** The gateway that runs on this host, if there is one and we may ask it. */
  readonly runningGateway: () => Promise<GatewayStatus | undefined>;
  /** Looks for the capability. */
  readonly capability: () => Finding;
  /** Looks whether the interface can be made. */
  readonly tun: (name: string) => Finding;
  /** Looks for the token. */
  readonly token: () => Finding;
  /** Looks for the identity, and writes nothing. */
  readonly identity: () => Finding;
  /** Looks at forwarding and firewall. */
  readonly host: (tunName: string) => HostReport;
  /** Release of the kernel, such as `6.1.0-13-amd64`. */
  readonly kernel: () => string;
  /** Reads a setting below `/proc/sys`. */
  readonly setting: (path: string) => string | undefined;
  /** Tells whether a file is there. */
  readonly exists: (path: string) => boolean;
  /** Reads a variable. */
  readonly variable: (name: string) => string | undefined;
  /** Tells whether a UDP port is free. */
  readonly isPortFree: (port: number, family: 4 | 6) => Promise<boolean>;
  /** The nameservers of this host. */
  readonly nameservers: () => Promise<readonly SocketAddress[]>;
  /** Tells whether a nameserver answers a question for a name. */
  readonly nameserverAnswers: (
    server: SocketAddress,
    name: string,
  ) => Promise<boolean>;
  /** Looks a name up. */
  readonly resolve: (name: string) => Promise<readonly SocketAddress["ip"][]>;
  /** Reaches for the portal. */
  readonly portal: () => Promise<PortalReport>;
  /** Asks STUN servers. */
  readonly stun: (
    question: StunQuestion,
  ) => Promise<readonly (SocketAddress | undefined)[]>;
  /** Reads the wall clock, in ms of Unix time. */
  readonly unixNow: () => number;
}

/** What a probe is given. */
export interface ProbeInputs {
  /** What it looks at. */
  readonly effects: DoctorEffects;
  /** What is to be examined. */
  readonly settings: DoctorSettings;
  /** The gateway that runs, which explains some of what is found. */
  readonly gateway: GatewayStatus | undefined;
}

/** What a probe found out. */
export type Diagnoses = readonly Diagnosis[];

/** Examines something. */
export type Probe = (inputs: ProbeInputs) => Promise<Diagnoses> | Diagnoses;

/** Runs all probes at once. One that takes too long, or fails itself, is a warning. */
export async function examine(
  probes: ReadonlyMap<string, Probe>,
  effects: DoctorEffects,
  settings: DoctorSettings,
): Promise<Diagnosis[]> {
  const gateway = await effects.runningGateway();
  const results = await Promise.all(
    [...probes].map(([subject, probe]) =>
      runProbe(subject, () => probe({ effects, settings, gateway }))
    ),
  );
  return results.flat();
}

/** Renders what was found for a person: each line what it is, and below it what to do. */
export function renderDiagnoses(diagnoses: readonly Diagnosis[]): string {
  const lines = diagnoses.flatMap(({ subject, verdict, detail, remedy }) => [
    `${verdict.padEnd(9)}${subject.padEnd(14)}${detail}`,
    ...(remedy === undefined ? [] : [`${" ".repeat(9)}→ ${remedy}`]),
  ]);
  const count = (verdict: Verdict) =>
    diagnoses.filter((it) => it.verdict === verdict).length;
  const [failed, warnings] = [count("failed"), count("warning")];
  const summary = failed === 0 && warnings === 0
    ? "All is well"
    : `${failed} failed, ${warnings} ${
      warnings === 1 ? "warning" : "warnings"
    }`;
  return [...lines, summary].join("\n");
}

/** Turns what is found before a start into a diagnosis. */
export function diagnosisOf(
  { subject, detail, fault, notice }: Finding,
): Diagnosis {
  if (fault !== undefined) {
    return { subject, verdict: "failed", detail, remedy: fault };
  }
  return notice === undefined
    ? { subject, verdict: "ok", detail }
    : { subject, verdict: "warning", detail, remedy: notice };
}

/** Turns a diagnosis into what is found before a start: nothing that it could not begin with. */
export function noticeOf(
  { subject, verdict, detail, remedy = detail }: Diagnosis,
): Finding {
  return verdict === "ok"
    ? { subject, detail }
    : { subject, detail, notice: remedy };
}

async function runProbe(
  subject: string,
  probe: () => ReturnType<Probe>,
): Promise<readonly Diagnosis[]> {
  const limit = Promise.withResolvers<readonly Diagnosis[]>();
  const late: Diagnosis = {
    subject,
    verdict: "warning",
    detail: `no result within ${PROBE_LIMIT_MS / 1_000} s`,
  };
  const timer = setTimeout(() => limit.resolve([late]), PROBE_LIMIT_MS);
  try {
    return await Promise.race([
      Promise.resolve().then(probe),
      limit.promise,
    ]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = `cannot be examined: ${reason}`;
    return [{ subject, verdict: "warning", detail }];
  } finally {
    clearTimeout(timer);
  }
}
