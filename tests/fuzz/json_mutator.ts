import { utf8 } from "../../lib/base/mod.ts";
import type { Choices } from "./choices.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a member may be in place of what it should be. */
const STRANGE: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  65_536,
  "",
  "\u0000\ud800",
  "0.0.0.0/33",
  "::ffff:1.2.3.4/200",
  "999.1.1.1",
  "A".repeat(5_000),
  [],
  [[[[[]]]]],
  {},
  { "__proto__": null, constructor: "x", length: -1 },
];

/** Makes JSON texts that are wrong in the ways that find bugs, from genuine values. */
export class JsonMutator {
  readonly #choices: Choices;
  readonly #corpus: readonly unknown[];

  constructor(choices: Choices, corpus: readonly unknown[]) {
    this.#choices = choices;
    this.#corpus = corpus;
  }

  /** Returns a text as UTF-8; now and then not even JSON. */
  next(): Uint8Array {
    const choices = this.#choices;
    let value = choices.pick(this.#corpus) as Json;
    for (let i = choices.below(3); i >= 0; i--) value = this.#changed(value);
    const text = utf8(JSON.stringify(value));
    switch (choices.below(8)) {
      case 0:
        return text.slice(0, choices.below(text.length + 1));
      case 1:
        if (text.length > 0) text[choices.below(text.length)]! ^= 1;
        return text;
      default:
        return text;
    }
  }

  /** Changes one member, however deep. */
  #changed(value: Json): Json {
    const choices = this.#choices;
    const isLeaf = typeof value !== "object" || value === null ||
      Object.keys(value).length === 0;
    if (isLeaf || choices.below(8) === 0) return this.#replaced(value);
    if (Array.isArray(value)) return this.#changedList(value);

    const keys = Object.keys(value);
    const key = choices.pick(keys);
    const copy = { ...value };
    if (choices.below(6) === 0) delete copy[key];
    else copy[key] = this.#changed(value[key] as Json);
    return copy;
  }

  #changedList(list: readonly Json[]): Json {
    const choices = this.#choices;
    const at = choices.below(list.length);
    const item = list[at] as Json;
    switch (choices.below(4)) {
      case 0:
        return list.filter((_, i) => i !== at);
      case 1:
        return new Array<Json>(1 + choices.below(100)).fill(item);
      default:
        return list.map((it, i) => i === at ? this.#changed(item) : it);
    }
  }

  #replaced(value: Json): Json {
    const choices = this.#choices;
    if (typeof value !== "string" || value === "" || choices.below(2) === 0) {
      return choices.pick(STRANGE);
    }
    const at = choices.below(value.length);
    return value.slice(0, at) + choices.pick(["", "/", ":", "\0", "é", "9"]) +
      value.slice(at + 1);
  }
}
