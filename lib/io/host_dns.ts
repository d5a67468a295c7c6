import type { Logger } from "../base/mod.ts";
import {
  type HostsFile,
  parseHostsFile,
  parseResolvConf,
  type ResolverSettings,
} from "../dns/mod.ts";
import { WatchedFile } from "./watched_file.ts";

/** Where the two files are. */
export interface HostDnsPaths {
  /** The nameservers. */
  readonly resolvConf: string;
  /** The names that need none. */
  readonly hosts: string;
}

const SYSTEM_PATHS: HostDnsPaths = {
  resolvConf: "/etc/resolv.conf",
  hosts: "/etc/hosts",
};

/**
 * What the host says about names: its nameservers and its hosts file.
 *
 * Both are looked at whenever they are needed, so a change counts from the
 * next question on. A host without nameservers is warned about and goes on:
 * the gateway may be up before its network is (data-plane spec dp 114).
 */
export class HostDns {
  readonly #resolvConf: WatchedFile<ResolverSettings>;
  readonly #hosts: WatchedFile<HostsFile>;
  readonly #path: string;
  readonly #log: Logger;
  #isWarned = false;
  #changes = 0;

  /** Reads nothing yet. */
  constructor(log: Logger, paths: HostDnsPaths = SYSTEM_PATHS) {
    this.#resolvConf = new WatchedFile(paths.resolvConf, parseResolvConf);
    this.#hosts = new WatchedFile(paths.hosts, parseHostsFile);
    this.#path = paths.resolvConf;
    this.#log = log;
  }

  /** How often either file was found changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Returns the nameservers and how to use them. */
  async settings(): Promise<ResolverSettings> {
    if (await this.#resolvConf.refresh()) {
      this.#changes++;
      this.#isWarned = false;
    }
    const settings = this.#resolvConf.value;
    const count = settings.nameservers.length;
    if (count === 0 && !this.#isWarned) {
      this.#isWarned = true;
      this.#log.log("warn", "No nameserver: names cannot be resolved", {
        file: this.#path,
      });
    }
    return settings;
  }

  /** Returns the hosts file. */
  async hosts(): Promise<HostsFile> {
    if (await this.#hosts.refresh()) this.#changes++;
    return this.#hosts.value;
  }
}
