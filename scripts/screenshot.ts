/**
 * Pictures the status page of a gateway in a lab, in the light and the dark theme.
 *
 * Usage: deno task screenshot. Needs root and what `deno task setup` installs.
 */
import { LabBrowser } from "../tests/support/browser.ts";
import { FirezoneLab } from "./lab/firezone_lab.ts";
import { SITES } from "./lab/sites.ts";

const PAGE_URL = "http://127.0.0.1:8090/";

/** How long the gateway has traffic before the picture, in seconds. */
const TRAFFIC_SECONDS = 40;

/** Downloads of some megabytes with pauses, so that the chart has a shape. */
const TRAFFIC = `end=$(($(date +%s) + ${TRAFFIC_SECONDS})); n=1
while [ $(date +%s) -lt $end ]; do
  n=$(((n * 5 + 3) % 8 + 1))
  curl -s -m 10 -o /dev/null http://${SITES.web}/bytes/$((n * 4000000))
  curl -s -m 1 -o /dev/null http://${SITES.webOnly}:81/
done
true`;

const THEMES = [["light", "status-page"], ["dark", "status-page-dark"]];

await using demo = new FirezoneLab("fzshot");
await demo.build();
await demo.startPortal();
await demo.startRelay();
await demo.startGateway();
await demo.startClient();
await demo.lab.must("client", "bash", "-c", TRAFFIC);
await using browser = await LabBrowser.start(demo.lab, "gateway");
await browser.page.setViewport({ width: 1100, height: 760 });
for (const [theme = "", name] of THEMES) {
  await browser.page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
  ]);
  await browser.open(PAGE_URL);
  await browser.until(
    `document.querySelector("#peers tbody").innerText.includes("direct")`,
  );
  await browser.page.click("#peers summary");
  const path = `docs/${name}.png` as const;
  await browser.page.screenshot({ path });
  const { size } = await Deno.stat(path);
  console.log(`${path}: ${Math.round(size / 1_000)} kB`);
}
