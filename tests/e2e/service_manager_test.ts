import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { ServiceManager } from "../../lib/io/mod.ts";
import { requireTools } from "../support/tools.ts";

/** Prints each datagram of a Unix socket on a line, fields parted by `|`. */
const LISTENER = `
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", "|"), flush=True)
`;

const START_MS = 15_000;

for (const kind of ["path", "abstract"]) {
  Deno.test(`[ops 6] the service manager at an ${kind} name hears READY, WATCHDOG, STATUS and STOPPING`, async () => {
    requireTools("ip", "python3");
    await using demo = new FirezoneLab("fzsdn");
    await demo.build();
    await Deno.mkdir(demo.lab.runDirectory, { recursive: true });
    // Abstract names belong to a network namespace, so the listener shares the gateway's.
    const name = kind === "path"
      ? `${demo.lab.runDirectory}/notify`
      : `@firezone-${Deno.pid}`;
    const manager = demo.lab.spawn("gateway", "manager", [
      ...["python3", "-c", LISTENER, name],
    ]);
    await manager.waitFor(/bound/, START_MS);
    await demo.startPortal();
    const gateway = demo.lab.spawn("gateway", "gateway", [
      ...["env", `NOTIFY_SOCKET=${name}`, "WATCHDOG_USEC=400000"],
      ...["deno", "run", "--allow-all", "main.ts"],
    ], demo.gatewayEnv());

    await manager.waitFor(/^READY=1$/, START_MS);
    await manager.waitFor(/^STATUS=not ready: .*\|WATCHDOG=1$/, START_MS);
    await demo.startRelay();
    await manager.waitFor(/^STATUS=ready\|WATCHDOG=1$/, START_MS);
    assert.equal(await gateway.stop(), 0);
    await manager.waitFor(/^STOPPING=1\|STATUS=/, START_MS);
  });
}

Deno.test("a service manager that cannot be reached is none, and a watchdog for another process is not ours", () => {
  const absent = managerAt("/nonexistent/notify");
  const none = managerAt(undefined);

  assert.equal(absent.isThere, false);
  assert.equal(absent.tell({ READY: 1 }), false);
  assert.equal(absent.watchdogMs, undefined);
  assert.equal(none.isThere, false);
});

function managerAt(socket: string | undefined): ServiceManager {
  return new ServiceManager({
    socket,
    watchdogUsec: "1000000",
    watchdogPid: undefined,
    pid: Deno.pid,
  });
}
