import assert from "node:assert/strict";
import { fromHex, readU16, toHex } from "../../lib/base/mod.ts";
import {
  ATTRIBUTE,
  ChannelDataView,
  encodeStun,
  peerFormat,
  relayFormat,
  type StunAttribute,
  type StunMessage,
  StunView,
  wireguardMessageType,
  wireguardReceiver,
  writeChannelDataHeader,
} from "../../lib/wire/mod.ts";
import { stunVectors } from "../support/stun_vectors.ts";
import { readAnywhere } from "./anywhere.ts";
import { ATTRIBUTES } from "./attributes.ts";
import type { Choices } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import { Mutator, repairDatagram } from "./mutator.ts";

const stunCorpus = [
  ...stunVectors("rfc5769_stun.json"),
  ...stunVectors("turn_coturn_send.json"),
].map(({ packet }) => fromHex(packet)!);
stunCorpus.push(encodeStun({
  class: "request",
  method: 1,
  transactionId: new Uint8Array(12).fill(9),
  attributes: ATTRIBUTES,
}));

const datagramCorpus = [
  ...stunCorpus,
  channelData(0x4000, 32),
  channelData(0x4fff, 0),
  ...[148, 92, 64, 32, 128].map((length, i) => wireguard(i + 1, length)),
];

/** Parsers of what strangers send to our UDP port. */
export const STUN_TARGETS: readonly FuzzTarget[] = [
  {
    name: "wire/stun",
    runs: 6_000,
    generate: (choices) =>
      choices.below(3) === 0
        ? shaped(choices)
        : new Mutator(choices, stunCorpus).next(),
    check: checkStun,
  },
  {
    name: "wire/channel_data",
    runs: 500,
    generate: (choices) =>
      new Mutator(choices, [channelData(0x4000, 32), channelData(0x4fff, 0)])
        .next(),
    check: (input) => {
      const read = readAnywhere(input, readChannelData);
      if (read.refusal !== undefined) return;
      assert.ok(read.dataEnd <= input.length);
      const again = new Uint8Array(4);
      writeChannelDataHeader(again, 0, read.channel, read.dataEnd - 4);
      assert.equal(toHex(again), toHex(input.slice(0, 4)));
    },
  },
  {
    name: "wire/demux",
    runs: 4_000,
    generate: (choices) => new Mutator(choices, datagramCorpus).next(),
    check: (input) => {
      const { peer, relay, type } = readAnywhere(input, readFormat);
      if (peer === "wireguard") assert.ok(type !== 0);
      if (peer.startsWith("check-")) assert.ok(input[0]! < 2);
      if (relay === "stun") assert.ok(input.length >= 20);
      if (relay === "channel-data") {
        assert.equal(readU16(input, 2), input.length - 4);
      }
    },
  },
];

function checkStun(input: Uint8Array): void {
  const { message, integrityAt } = readAnywhere(input, readStun);
  if (message === undefined) return;
  assert.ok(integrityAt < input.length);

  const again = encodeStun(message);

  assert.deepEqual(readStun(again, 0, again.length).message, message);
}

interface ReadStun {
  readonly refusal?: string | undefined;
  readonly message?: StunMessage;
  readonly integrityAt: number;
  readonly integrityLength: number;
}

function readStun(bytes: Uint8Array, start: number, end: number): ReadStun {
  const view = new StunView();
  if (!view.attach(bytes, start, end)) {
    return { refusal: view.refusal, integrityAt: -1, integrityLength: 0 };
  }
  return {
    message: {
      class: view.class,
      method: view.method,
      transactionId: view.transactionId(),
      attributes: [...attributesOf(view)],
    },
    integrityAt: view.hasIntegrity ? view.integrityAt - start : -1,
    integrityLength: view.integrityLength,
  };
}

/** All attributes that have a value. The reason of an error is not read, so it is none. */
function* attributesOf(view: StunView): Generator<StunAttribute> {
  const texts = ["username", "realm", "nonce", "software"] as const;
  for (const kind of texts) {
    const text = view[kind]();
    if (text !== undefined && isUtf8(text)) yield { kind, text };
  }
  const mapped = view.xorMapped();
  if (mapped) yield { kind: "xor-mapped-address", address: mapped };
  const peer = view.xorPeer();
  if (peer) yield { kind: "xor-peer-address", address: peer };
  for (const address of view.xorRelayed()) {
    yield { kind: "xor-relayed-address", address };
  }
  const code = view.errorCode();
  if (code !== undefined) yield { kind: "error-code", code, reason: "" };
  const seconds = view.lifetime();
  if (seconds !== undefined) yield { kind: "lifetime", seconds };
  const priority = view.priority();
  if (priority !== undefined) yield { kind: "priority", priority };
  const channel = view.channelNumber();
  if (channel !== undefined) yield { kind: "channel-number", channel };
  const protocol = view.requestedTransport();
  if (protocol !== undefined) yield { kind: "requested-transport", protocol };
  const wanted = view.requestedFamily();
  if (wanted) yield { kind: "requested-address-family", family: wanted };
  const further = view.additionalFamily();
  if (further) yield { kind: "additional-address-family", family: further };
  if (view.useCandidate) yield { kind: "use-candidate" };
  const controlling = view.iceControlling();
  if (controlling !== undefined) {
    yield { kind: "ice-controlling", tieBreaker: controlling };
  }
  const controlled = view.iceControlled();
  if (controlled !== undefined) {
    yield { kind: "ice-controlled", tieBreaker: controlled };
  }
}

/** What is no UTF-8 reads as U+FFFD, which may be longer than it was. */
function isUtf8(text: string): boolean {
  return !text.includes("\ufffd");
}

interface ReadChannelData {
  readonly refusal: string | undefined;
  readonly channel: number;
  readonly dataEnd: number;
  readonly isExact: boolean;
}

function readChannelData(
  bytes: Uint8Array,
  start: number,
  end: number,
): ReadChannelData {
  const view = new ChannelDataView();
  const isOne = view.attach(bytes, start, end);
  return {
    refusal: view.refusal,
    channel: isOne ? view.channel : 0,
    dataEnd: isOne ? view.dataEnd - start : 0,
    isExact: isOne && view.isExact,
  };
}

function readFormat(bytes: Uint8Array, start: number, end: number) {
  const type = wireguardMessageType(bytes, start, end);
  return {
    peer: peerFormat(bytes, start, end, new StunView()),
    relay: relayFormat(
      bytes,
      start,
      end,
      new StunView(),
      new ChannelDataView(),
    ),
    type,
    receiver: type > 1 ? wireguardReceiver(bytes, start) : 0,
  };
}

/** A message with a good header and attributes of known types and any value, some of which lie about their length. */
function shaped(choices: Choices): Uint8Array {
  const types = Object.values(ATTRIBUTE);
  const attributes: number[] = [];
  for (let i = choices.below(8); i > 0; i--) {
    const type = choices.pick(types);
    const value = choices.bytes(choices.below(24));
    const lie = choices.below(8) === 0 ? choices.below(70) : 0;
    const length = value.length + lie;
    const padding = new Array<number>((4 - value.length % 4) % 4).fill(0);
    attributes.push(type >> 8, type & 255, length >> 8, length & 255);
    attributes.push(...value, ...padding);
  }
  const bytes = Uint8Array.of(
    ...[choices.below(64), choices.below(256), 0, 0, 0x21, 0x12, 0xa4, 0x42],
    ...choices.bytes(12),
    ...attributes,
  );
  repairDatagram(bytes);
  return bytes;
}

function channelData(channel: number, length: number): Uint8Array {
  const bytes = new Uint8Array(4 + length);
  writeChannelDataHeader(bytes, 0, channel, length);
  return bytes;
}

function wireguard(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(0x33);
  bytes.set([type < 5 ? type : 4, 0, 0, 0]);
  return bytes;
}
