import { assert, type Logger, type PacketSink } from "../base/mod.ts";
import { SegmentKernel } from "../wire/mod.ts";
import {
  EACCES,
  EAGAIN,
  EBADFD,
  EBUSY,
  EINTR,
  EINVAL,
  EIO,
  ENODEV,
  ENOENT,
  ENXIO,
} from "./errno.ts";
import {
  kernelRefusal,
  type KernelRefusedError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
  TunNameTakenError,
} from "./errors.ts";
import type { IoCounters } from "./io_counters.ts";
import { cString, errno, type Libc, libc } from "./libc.ts";
import type { NativeMemory } from "./native_memory.ts";
import { TunFrame } from "./tun_frame.ts";
import { enableTunOffloads } from "./tun_offloads.ts";
import { TunWriter } from "./tun_writer.ts";
import { VIRTIO_HEADER_BYTES } from "./virtio_header.ts";

/** Name of the interface (data-plane spec §1.4). */
export const TUN_NAME = "tun-firezone";

const NODE = "/dev/net/tun";
const NODE_FOLDER = "/dev/net";
const NODE_FOLDER_MODE = 0o751;
/** A character device for everybody, as distributions have it. */
const NODE_MODE = 0o020666;
/** Major 10, minor 200, as `makedev` packs them. */
const NODE_DEVICE = (10 << 8) | 200;

const O_RDWR = 2;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x80000;

const TUNSETIFF = 0x400454ca;
/** One queue only, so that a second process is refused (data-plane spec §3.2). */
const IFF_TUN_NO_PI_VNET_HDR = 0x0001 | 0x1000 | 0x4000;

/** Layout of `ifreq`: name, then flags. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;
const NAME_LIMIT = 15;

/** Largest read: the header and the largest IP packet (data-plane spec §3.5). */
const READ_BYTES = VIRTIO_HEADER_BYTES + 65_535;

/** Room before the packet, so that it starts on a multiple of 16 and its header just before. */
const HEADROOM_BYTES = 16;

/** How the TUN interface is made. */
export interface TunDeviceOptions {
  /** Name of the interface. */
  readonly name: string;
  /** Whether large packets may cross the device, if the kernel knows how. */
  readonly offload: boolean;
  /** Where traffic and drops are counted. */
  readonly counters: IoCounters;
  /** Hears what the kernel can do. */
  readonly log: Logger;
}

/**
 * The TUN interface: inner packets in and out.
 *
 * With offloads one system call moves many packets: `read` gives a frame that
 * makes them, `flush` writes what was committed since the last time.
 */
export class TunDevice implements PacketSink {
  /** The arena. */
  readonly bytes: Uint8Array;
  /** The descriptor. The interface vanishes when it is closed. */
  readonly fd: number;
  /** Name of the interface. */
  readonly name: string;
  /** What the last read gave. */
  readonly frame: TunFrame;
  readonly #libc: Libc = libc();
  readonly #counters: IoCounters;
  readonly #readAt: number;
  readonly #readPointer: Deno.PointerObject;
  readonly #writer: TunWriter;

  /** Creates the interface. Throws `TunMissingError`, `TunForbiddenError`, `TunBusyError`, `MissingCapabilityError` or `KernelRefusedError`. */
  constructor(memory: NativeMemory, options: TunDeviceOptions) {
    const { arena } = memory;
    const { counters, log, name } = options;
    const room = HEADROOM_BYTES + READ_BYTES;
    this.bytes = arena.bytes;
    this.name = name;
    this.#counters = counters;
    this.#readAt = arena.allocate(room, 64) + HEADROOM_BYTES -
      VIRTIO_HEADER_BYTES;
    this.#readPointer = memory.pointer(this.#readAt);
    this.fd = openInterface(name);

    const kernel = SegmentKernel.create(arena);
    const offloads = kernel !== undefined && options.offload
      ? enableTunOffloads(this.fd)
      : "none";
    log.log("info", "TUN interface created", { name, offloads });
    this.frame = new TunFrame(this.bytes, kernel);
    const { fd } = this;
    this.#writer = new TunWriter(memory, {
      ...{ fd, offloads, kernel, counters, log },
    });
  }

  /**
   * Reads one packet, or a large one that stands for many, into `frame`.
   *
   * "skip" means that one was read and dropped. Throws `TunGoneError` when the
   * interface was deleted. While it is down there is nothing to read.
   */
  read(): "frame" | "skip" | "empty" {
    const length = this.#libc.read(this.fd, this.#readPointer, READ_BYTES);
    if (length < 0) return this.#handleReadError(errno());

    const verdict = this.frame.attach(this.#readAt, this.#readAt + length);
    this.#counters.add("packets-read", this.frame.count);
    if (verdict === "ok") return "frame";
    this.#counters.increment(verdict);
    return "skip";
  }

  /** Returns the address of room for one packet. */
  reserve(): number {
    return this.#writer.reserve();
  }

  /** Takes the packet at the reserved address. */
  commit(length: number): void {
    this.#writer.commit(length);
  }

  /** Writes all packets taken since the last time. */
  flush(): void {
    this.#writer.flush();
  }

  /** Removes the interface. */
  close(): void {
    this.#libc.close(this.fd);
  }

  #handleReadError(code: number): "skip" | "empty" {
    switch (code) {
      case EAGAIN:
      case EIO:
        return "empty";
      case EINTR:
        return "skip";
      case EBADFD:
        throw new TunGoneError(`read from ${this.name}`, code);
      default:
        throw kernelRefusal(`read from ${this.name}`, code);
    }
  }
}

/** Tells what keeps an interface of this name from being created. Creates nothing; one that is there is attached to for a moment. */
export function tunObstacle(name: string): KernelRefusedError | undefined {
  const fd = tryOpenNode();
  if (fd < 0) return openRefusal(errno());
  const isThere = libc().if_nametoindex(cString(name)) !== 0;
  const refusal = isThere ? attach(fd, name) : undefined;
  libc().close(fd);
  return refusal;
}

function openInterface(name: string): number {
  const fd = openNode();
  const refusal = attach(fd, name);
  if (refusal === undefined) return fd;
  libc().close(fd);
  throw refusal;
}

/** Makes a descriptor of the node that of an interface, or returns why not. */
function attach(fd: number, name: string): KernelRefusedError | undefined {
  assert(
    name.length > 0 && name.length <= NAME_LIMIT,
    "An interface name must have 1 to 15 characters",
  );
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(cString(name));
  new DataView(request.buffer).setUint16(
    IFREQ_FLAGS,
    IFF_TUN_NO_PI_VNET_HDR,
    true,
  );
  if (libc().ioctl(fd, TUNSETIFF, request) === 0) return undefined;
  return attachRefusal(name, errno());
}

function attachRefusal(name: string, code: number): KernelRefusedError {
  const operation = `create the interface ${name}`;
  switch (code) {
    case EBUSY:
      return new TunBusyError(operation, code);
    case EINVAL:
      return new TunNameTakenError(operation, code);
    default:
      return kernelRefusal(operation, code);
  }
}

function openNode(): number {
  let fd = tryOpenNode();
  if (fd < 0 && errno() === ENOENT) {
    createNode();
    fd = tryOpenNode();
  }
  if (fd >= 0) return fd;

  throw openRefusal(errno());
}

function openRefusal(code: number): KernelRefusedError {
  const operation = `open ${NODE}`;
  switch (code) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return new TunMissingError(operation, code);
    case EACCES:
      return new TunForbiddenError(operation, code);
    default:
      return kernelRefusal(operation, code);
  }
}

function tryOpenNode(): number {
  return libc().open(cString(NODE), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
}

/** Creates the node, when we may. If not, opening it again says what is wrong. */
function createNode(): void {
  libc().mkdir(cString(NODE_FOLDER), NODE_FOLDER_MODE);
  libc().mknod?.(cString(NODE), NODE_MODE, NODE_DEVICE);
}
