import type { KernelSettings, Setting } from "./kernel_settings.ts";

/** The switch of each family. One write of it changes every interface. */
export const IPV4_SWITCH = "net/ipv4/ip_forward";
/** The same for IPv6. */
export const IPV6_SWITCH = "net/ipv6/conf/all/forwarding";

const SWITCHES: readonly string[] = [IPV4_SWITCH, IPV6_SWITCH];

/** Lets marked packets be looked up by their mark (data-plane spec §3.4). */
const SOURCE_MARK = "net/ipv4/conf/all/src_valid_mark";

/** Turned over by the IPv4 switch, whichever way that goes. */
const ACCEPT_REDIRECTS = "net/ipv4/conf/all/accept_redirects";

/** Values of `accept_ra`: unless the host forwards, and in any case. */
const UNLESS_FORWARDING = "1";
const ALWAYS = "2";

/** What interfaces that appear later start with. */
const FUTURE_INTERFACES = "default";
const LOOPBACK = "lo";

/** Interfaces whose settings we change. Hosts with more have no router that tells them where to go. */
const INTERFACE_LIMIT = 256;

/** What is to be written, and what has to be written back one day. */
export interface SettingsPlan {
  /** In this order. Empty where the host forwards already. */
  readonly writes: readonly Setting[];
  /** The values that this changes, those that change by themselves among them. */
  readonly before: readonly Setting[];
}

/** Plans how to make a host forward packets that come from the interface `tunName`. */
export function planForwarding(
  settings: Pick<KernelSettings, "read">,
  interfaces: readonly string[],
  tunName: string,
): SettingsPlan {
  const others = interfaces
    .filter((name) => name !== tunName && name !== LOOPBACK)
    .slice(0, INTERFACE_LIMIT);
  const names = [FUTURE_INTERFACES, ...others];
  const plans = [
    planMark(settings),
    planIpv4(settings, names),
    planIpv6(settings, names),
    planInterface(settings, tunName),
  ];
  return {
    writes: plans.flatMap(({ writes }) => writes),
    before: plans.flatMap(({ before }) => before),
  };
}

/** Returns what is to be written to get values back, in this order; settings that have gone and those that fit are left alone. */
export function planRestoration(
  settings: Pick<KernelSettings, "read">,
  before: readonly Setting[],
): Setting[] {
  const isSwitch = ({ path }: Setting) => SWITCHES.includes(path);
  const switches = before.filter(isSwitch)
    .filter(({ path, value }) => differs(settings.read(path), value));
  // The switches change the rest, so it is compared when they are where they belong.
  const moved = switches.length > 0;
  const others = before.filter((it) => !isSwitch(it)).filter((it) =>
    moved
      ? settings.read(it.path) !== undefined
      : differs(settings.read(it.path), it.value)
  );
  return [...switches, ...others];
}

/** Joins what was before with what was before that: the first value of each setting counts. */
export function mergeBefore(
  ...lists: readonly (readonly Setting[])[]
): Setting[] {
  const merged = new Map<string, Setting>();
  for (const setting of lists.flat()) {
    if (!merged.has(setting.path)) merged.set(setting.path, setting);
  }
  return [...merged.values()];
}

/** Writes a setting as one line. */
export function formatSetting({ path, value }: Setting): string {
  return `${path}=${value}`;
}

/** Reads what `formatSetting` wrote; `undefined` for whatever this program does not change. */
export function parseSetting(line: string): Setting | undefined {
  const [, path, value] = SETTING.exec(line) ?? [];
  if (path === undefined || value === undefined) return undefined;
  return path.split("/").includes("..") ? undefined : { path, value };
}

const SETTING =
  /^(net\/ipv4\/ip_forward|net\/ipv[46]\/conf\/[^/\s]{1,15}\/(?:forwarding|accept_ra|accept_redirects|src_valid_mark))=(\d{1,2})$/;

function planMark(settings: Pick<KernelSettings, "read">): SettingsPlan {
  const value = settings.read(SOURCE_MARK);
  if (!differs(value, "1")) return NOTHING;
  return {
    writes: [{ path: SOURCE_MARK, value: "1" }],
    before: [{ path: SOURCE_MARK, value }],
  };
}

function planIpv4(
  settings: Pick<KernelSettings, "read">,
  names: readonly string[],
): SettingsPlan {
  const value = settings.read(IPV4_SWITCH);
  if (!differs(value, "1")) return NOTHING;
  const redirects = settings.read(ACCEPT_REDIRECTS);
  return {
    writes: [{ path: IPV4_SWITCH, value: "1" }],
    before: [
      { path: IPV4_SWITCH, value },
      ...(redirects === undefined
        ? []
        : [{ path: ACCEPT_REDIRECTS, value: redirects }]),
      ...forwardingOf(settings, "ipv4", names),
    ],
  };
}

/** A host that forwards ignores router advertisements, and would lose the default route it has by one. */
function planIpv6(
  settings: Pick<KernelSettings, "read">,
  names: readonly string[],
): SettingsPlan {
  const value = settings.read(IPV6_SWITCH);
  if (!differs(value, "1")) return NOTHING;
  const listening = names.map((name) => `net/ipv6/conf/${name}/accept_ra`)
    .filter((path) => settings.read(path) === UNLESS_FORWARDING);
  return {
    writes: [
      ...listening.map((path) => ({ path, value: ALWAYS })),
      { path: IPV6_SWITCH, value: "1" },
    ],
    before: [
      { path: IPV6_SWITCH, value },
      ...forwardingOf(settings, "ipv6", names),
      ...listening.map((path) => ({ path, value: UNLESS_FORWARDING })),
    ],
  };
}

/** Our interface may be older than the switch, or made where interfaces start without. It vanishes with us. */
function planInterface(
  settings: Pick<KernelSettings, "read">,
  tunName: string,
): SettingsPlan {
  const path = `net/ipv4/conf/${tunName}/forwarding`;
  if (!differs(settings.read(path), "1")) return NOTHING;
  return { writes: [{ path, value: "1" }], before: [] };
}

const NOTHING: SettingsPlan = { writes: [], before: [] };

/** The interfaces that forward though their host does not. The switch turned on and off would leave them without. */
function forwardingOf(
  settings: Pick<KernelSettings, "read">,
  family: "ipv4" | "ipv6",
  names: readonly string[],
): Setting[] {
  return names.map((name) => `net/${family}/conf/${name}/forwarding`)
    .filter((path) => settings.read(path) === "1")
    .map((path) => ({ path, value: "1" }));
}

function differs(
  value: string | undefined,
  wanted: string,
): value is string {
  return value !== undefined && value !== wanted;
}
