import { hostname } from "node:os";
import { NO_LOG, type Secret } from "../base/mod.ts";
import { holdsNetAdmin, HostDns, tunObstacle } from "../io/mod.ts";
import { explainDataPlane, NEEDS_CAPABILITY } from "./fatal.ts";
import { findIdentity, type Identity } from "./identity.ts";
import type { Environment } from "./installation.ts";
import type { FlowLogSettings } from "./settings.ts";
import type { RawSettings } from "./options.ts";
import type { StateFiles } from "./state_files.ts";
import { findToken } from "./token.ts";

/** What was found out about one thing that the program needs. */
export interface Finding {
  /** The thing, in a word or two. */
  readonly subject: string;
  /** How it is. */
  readonly detail: string;
  /** A sentence that says why the program cannot start with it, and what to do. */
  readonly fault?: string;
  /** A sentence about what is odd but no reason to stay. */
  readonly notice?: string;
}

/** Something that the program needs: what was found out about it, and it itself if it is usable. */
export interface Examined<T> {
  /** What was found out. */
  readonly finding: Finding;
  /** It itself. */
  readonly value: T | undefined;
}

/** Looks whether this process may manage the network. */
export function examineCapability(): Finding {
  const subject = "capability";
  return holdsNetAdmin()
    ? { subject, detail: "CAP_NET_ADMIN" }
    : { subject, detail: "missing", fault: NEEDS_CAPABILITY };
}

/** Looks for the token. */
export function examineToken(
  raw: RawSettings,
  environment: Environment,
  files: StateFiles,
): Examined<Secret> {
  const subject = "token";
  const found = findToken(
    raw.get("token"),
    environment("CREDENTIALS_DIRECTORY"),
    files,
  );
  return "problem" in found
    ? {
      finding: { subject, detail: "missing", fault: found.problem },
      value: undefined,
    }
    : { finding: { subject, detail: found.origin }, value: found.token };
}

/** Looks for the identity. */
export function examineIdentity(
  configured: string | undefined,
  tunName: string,
  files: StateFiles,
): Examined<Identity> {
  const subject = "identity";
  const newUuid = () => crypto.randomUUID();
  const found = findIdentity({ configured, tunName, files, newUuid });
  if ("problem" in found) {
    const finding = { subject, detail: "missing", fault: found.problem };
    return { finding, value: undefined };
  }
  const { origin, notice } = found;
  return {
    finding: { subject, detail: origin, ...(notice ? { notice } : {}) },
    value: found,
  };
}

/** Looks whether flow logs can be written where they shall. */
export function examineFlowLogs({ file, spool }: FlowLogSettings): Finding {
  const subject = "flow logs";
  const outOfReach = [file, spool].find(isOutOfReach);
  const detail = file ?? "no file";
  return outOfReach === undefined ? { subject, detail } : {
    subject,
    detail,
    fault: `Cannot write flow logs to ${outOfReach}: use a path below ` +
      "/var/log or /var/lib/firezone, or - for standard output",
  };
}

/** Looks whether the TUN interface can be made. */
export function examineTun(name: string): Finding {
  const obstacle = tunObstacle(name);
  return obstacle
    ? { subject: "interface", detail: name, fault: explainDataPlane(obstacle) }
    : { subject: "interface", detail: name };
}

/** Looks whether names can be resolved. */
export async function examineNames(): Promise<Finding> {
  const subject = "nameservers";
  const { nameservers } = await new HostDns(NO_LOG).settings();
  const detail = String(nameservers.length);
  return nameservers.length > 0 ? { subject, detail } : {
    subject,
    detail,
    notice:
      "No nameserver in /etc/resolv.conf: names of resources cannot be resolved",
  };
}

/** Renders findings as a short list for a person. */
export function renderFindings(findings: readonly Finding[]): string[] {
  const lines = findings.map(({ subject, detail, fault, notice }) => {
    const verdict = fault ? "failed" : notice ? "notice" : "ok";
    return `${verdict.padEnd(8)}${subject.padEnd(13)}${
      fault ?? notice ?? detail
    }`;
  });
  const count = findings.filter(({ fault }) => fault).length;
  return [
    ...lines,
    count === 0
      ? "Ready to start"
      : `Cannot start: ${count === 1 ? "1 thing" : `${count} things`} to do`,
  ];
}

/** Returns the name of this host, or a random one if it has none. */
export function hostName(): string {
  try {
    return hostname() || crypto.randomUUID();
  } catch {
    return crypto.randomUUID();
  }
}

/** Tells whether this program was built, or started, without the right to write to a path. */
function isOutOfReach(path: string | undefined): boolean {
  if (path === undefined || path === "-") return false;
  return Deno.permissions.querySync({ name: "write", path }).state !==
    "granted";
}
