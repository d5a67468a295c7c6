import type { Goal } from "./goals.ts";
import { median } from "./statistics.ts";
import { formatNumber } from "./table.ts";

/** What a contender printed for one size. */
export interface AeadLine {
  /** Payload in bytes. */
  readonly size: number;
  /** Time per packet. */
  readonly sealNs: number;
  /** Time per packet. */
  readonly openNs: number;
  /** One packet in hexadecimal; all contenders seal it alike. */
  readonly sealed: string;
}

/** What all rounds found, by contender, one line for each size and round. */
export type AeadLines = ReadonlyMap<string, readonly AeadLine[]>;

/** Reads what a contender printed. */
export function parseAeadLines(output: string): AeadLine[] {
  return output.trim().split("\n").map((line) => JSON.parse(line));
}

/** Returns the sizes at which contenders do not seal alike. */
export function disagreements(lines: AeadLines): number[] {
  const packets = new Map<number, Set<string>>();
  for (const { size, sealed } of [...lines.values()].flat()) {
    packets.set(size, (packets.get(size) ?? new Set()).add(sealed));
  }
  return [...packets].flatMap(([size, { size: kinds }]) =>
    kinds > 1 ? [size] : []
  );
}

/** Which of the two times. */
export type AeadStep = "sealNs" | "openNs";

/** Returns the median over the rounds; NaN of what was not measured. */
export function aeadNs(
  lines: AeadLines,
  name: string,
  size: number,
  step: AeadStep,
): number {
  const found = lines.get(name)?.filter((it) => it.size === size) ?? [];
  return median(found.map((it) => it[step]));
}

/** Returns what the project promises of full-size packets. */
export function aeadGoals(lines: AeadLines): Goal[] {
  const ratio = (other: string, step: AeadStep) =>
    aeadNs(lines, other, FULL_SIZE, step) /
    aeadNs(lines, "webassembly", FULL_SIZE, step);
  return (["sealNs", "openNs"] as const).flatMap((step) => {
    const name = step === "sealNs" ? "Seal" : "Open";
    const title = (other: string) =>
      `${name} ${FULL_SIZE} B, speed of ${other}`;
    const side = "at least";
    return [
      { title: title("evp"), side, bound: 0.8, found: ratio("evp", step) },
      { title: title("noble"), side, bound: 10, found: ratio("noble", step) },
    ] as const;
  });
}

/** Writes ns per packet as a Markdown table, behind each how many times as fast as `baseline` it is. */
export function formatAead(
  lines: AeadLines,
  sizes: readonly number[],
  baseline: string,
): string {
  const names = [...lines.keys()];
  const rows = (["sealNs", "openNs"] as const).flatMap((step) =>
    sizes.map((size) => {
      const base = aeadNs(lines, baseline, size, step);
      const cells = names.map((name) => {
        const ns = aeadNs(lines, name, size, step);
        return `${formatNumber(ns, 0)} (×${formatNumber(base / ns, 2)})`;
      });
      return [`${step.slice(0, -2)} ${size} B`, ...cells];
    })
  );
  const rule = ["---", ...names.map(() => "---:")];
  return [["ns a packet", ...names], rule, ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const FULL_SIZE = 1_280;
