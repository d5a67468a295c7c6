/** A thread that serves a hand-off memory for a test. Tells when it begins and when it has ended. */
import { serveHandOff } from "../../lib/crypto/mod.ts";

declare const self: Worker & typeof globalThis;

self.addEventListener("message", (event) => {
  self.postMessage("serving");
  serveHandOff((event as MessageEvent<WebAssembly.Memory>).data);
  self.postMessage("ended");
  self.close();
}, { once: true });
