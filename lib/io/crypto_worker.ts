/** A crypto worker: serves the memory that it is told until that is stopped. Loaded, never imported. */
import { serveHandOff } from "../crypto/mod.ts";

globalThis.addEventListener("message", (event) => {
  serveHandOff((event as MessageEvent<WebAssembly.Memory>).data);
  globalThis.close();
}, { once: true });
