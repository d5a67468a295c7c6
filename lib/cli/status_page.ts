import { type Instant, parseIp, toBase64, utf8 } from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import {
  type GatewayObserver,
  type GatewayStatus,
  StatusHistory,
} from "../status/mod.ts";
import {
  formatBitRate,
  formatBytes,
  formatDuration,
  formatMilliseconds,
} from "./quantities.ts";
import { axisLimit, linePath } from "./status_page/chart.ts";

/** However many look at the page, the data worker is asked no more often than this, in ms: describing all clients costs it time. */
const STATUS_AGE_MS = 500;

/** Most clients that the page shows, those connected first. A page with thousands helps nobody. */
const PEER_LIMIT = 200;

/** What page.js takes from us: functions that need nothing but themselves. */
const SHARED = [
  ...[formatBitRate, formatBytes, formatDuration, formatMilliseconds],
  ...[axisLimit, linePath],
];

/** What a status page works with. */
export interface StatusPageOptions {
  /** What is known of the gateway. */
  readonly observer: Pick<GatewayObserver, "status" | "metricInputs">;
  /** Name of this host. */
  readonly hostName: string;
  /** Reads the monotonic clock. */
  readonly now: () => Instant;
  /** Reads the wall clock. */
  readonly unixNow: () => number;
}

/**
 * The status page: one HTML file that holds all it needs, and the JSON that it asks for.
 *
 * Whoever reaches the address may read it, and nothing can be changed by it.
 * A web page elsewhere cannot read it: no other origin is allowed to, and a
 * name that leads to this host only for that purpose is refused.
 */
export class StatusPage {
  readonly #options: StatusPageOptions;
  readonly #history = new StatusHistory();
  readonly #page: PageText;
  #latest:
    | { readonly at: Instant; readonly status: Promise<GatewayStatus> }
    | undefined;

  /** Reads the files of the page, which are part of the program. */
  constructor(options: StatusPageOptions) {
    this.#options = options;
    this.#page = readPage();
  }

  /** Remembers how the gateway does. To be called once a second. */
  async sample(): Promise<void> {
    const { observer, now, unixNow } = this.#options;
    this.#history.record(await observer.metricInputs(), now(), unixNow());
  }

  /** Answers GET and HEAD of `/` and of `/status.json`. */
  async answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (!isOurName(request.headers.get("host"), this.#options.hostName)) {
      return this.#reply(
        421,
        "text/plain",
        "Use the address of this host, its name or localhost\n",
      );
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return this.#reply(405, "text/plain", "Method not allowed\n");
    }
    const isHead = request.method === "HEAD";
    switch (pathname) {
      case "/":
        return this.#reply(200, "text/html", isHead ? null : this.#page.html);
      case "/status.json": {
        const body = isHead ? null : await this.#json(searchParams);
        return this.#reply(200, "application/json", body);
      }
      default:
        return this.#reply(404, "text/plain", "Not found\n");
    }
  }

  async #json(parameters: URLSearchParams): Promise<string> {
    const since = Number(parameters.get("since")) || 0;
    const status = await this.#status();
    const peers = status.peers
      .toSorted((a, b) => Number(!a.connection) - Number(!b.connection))
      .slice(0, PEER_LIMIT);
    return JSON.stringify({
      status: { ...status, peers },
      peerCount: status.peers.length,
      history: this.#history.since(since),
    });
  }

  #status(): Promise<GatewayStatus> {
    const { observer, now } = this.#options;
    const at = now();
    if (!this.#latest || at - this.#latest.at >= STATUS_AGE_MS) {
      this.#latest = { at, status: observer.status() };
    }
    return this.#latest.status;
  }

  #reply(status: number, type: string, body: string | null): Response {
    const headers = {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": this.#page.policy,
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    };
    return new Response(body, { status, headers });
  }
}

/**
 * Tells whether a `Host` header means this host.
 *
 * An address always does. A name need not: that of a hostile site can be made
 * to lead here after its page was loaded (DNS rebinding).
 */
export function isOurName(host: string | null, hostName: string): boolean {
  const name = host?.toLowerCase().replace(/:\d+$/, "") ?? "";
  if (name === "localhost" || name === hostName.toLowerCase()) return true;
  return parseIp(name.replace(/^\[(.*)\]$/, "$1")) !== undefined;
}

interface PageText {
  readonly html: string;
  /** Names what may run and look as it does, so that nothing else can. */
  readonly policy: string;
}

function readPage(): PageText {
  const style = readPart("page.css");
  const functions = SHARED.map(String).join("\n");
  const script = `"use strict";\n${functions}\n${readPart("page.js")}`;
  const html = readPart("page.html")
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace("<script></script>", () => `<script>${script}</script>`);
  const policy = [
    "default-src 'none'",
    `style-src '${sourceHash(style)}'`,
    `script-src '${sourceHash(script)}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
  return { html, policy };
}

function readPart(name: string): string {
  const url = new URL(`./status_page/${name}`, import.meta.url);
  return Deno.readTextFileSync(url);
}

/** As in Content Security Policy Level 3 §2.3.1. */
function sourceHash(source: string): string {
  return `sha256-${toBase64(sha256(utf8(source)))}`;
}
