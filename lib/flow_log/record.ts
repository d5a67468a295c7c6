import { formatIp, type UnixMs } from "../base/mod.ts";
import type { FlowReport, OuterPath } from "./report.ts";

/** One outer path as it is uploaded. */
export type OuterRecord = Readonly<Record<string, string | number>>;

/** A report as it is uploaded: the fields of data-plane spec §15.4 and no others. Members that are `undefined` are absent. */
export type FlowRecord = Readonly<
  Record<string, string | number | undefined | readonly OuterRecord[]>
>;

/** Gives a report the form that the portal takes. */
export function flowRecord(report: FlowReport): FlowRecord {
  const { protocol, source, destination, domain, outers, startedAt } = report;
  const opened: FlowRecord = {
    protocol,
    inner_src_ip: formatIp(source.ip),
    inner_src_port: source.port,
    inner_dst_ip: formatIp(destination.ip),
    inner_dst_port: destination.port,
    domain,
    outers: outers.map(outerRecord),
    flow_start: timestamp(startedAt),
  };
  if (report.kind === "open") return opened;
  return {
    ...opened,
    flow_end: timestamp(report.endedAt),
    last_packet: timestamp(report.lastPacketAt),
    rx_packets: report.rxPackets,
    tx_packets: report.txPackets,
    rx_bytes: report.rxBytes,
    tx_bytes: report.txBytes,
  };
}

/** Returns a time as RFC 3339 in UTC with microseconds, so that flows of one burst keep their order. */
export function timestamp(time: UnixMs): string {
  const microseconds = Math.floor(time * 1_000);
  const wholeMs = Math.floor(microseconds / 1_000);
  const rest = String(microseconds % 1_000).padStart(3, "0");
  return new Date(wholeMs).toISOString().replace("Z", `${rest}Z`);
}

function outerRecord({ remote, local, activatedAt }: OuterPath): OuterRecord {
  return {
    src_ip: formatIp(remote.ip),
    src_port: remote.port,
    dst_ip: formatIp(local.ip),
    dst_port: local.port,
    path_activated_at: timestamp(activatedAt),
  };
}
