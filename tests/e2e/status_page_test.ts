import assert from "node:assert/strict";
import { SITES } from "../../scripts/lab/sites.ts";
import { LabBrowser } from "../support/browser.ts";
import { requireTools } from "../support/tools.ts";
import { startLab } from "./recovery_support.ts";

const PAGE_URL = "http://127.0.0.1:8090/";

/** Enough for the scale of the chart to change. */
const DOWNLOAD_BYTES = 20_000_000;

/** A resource whose name would take over a page that believed it. */
const HOSTILE_NAME =
  `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

Deno.test("[ops 6] the status page shows clients, traffic, lost contact, and nothing that a name wants", async () => {
  requireTools("chromium");
  await using lab = await startLab((demo) =>
    demo.changePolicy((policy) => ({
      ...policy,
      resources: policy.resources.map((it) =>
        it.name === "Web" ? { ...it, name: HOSTILE_NAME } : it
      ),
    }))
  );
  await using browser = await LabBrowser.start(lab.demo.lab, "gateway");

  await browser.open(PAGE_URL);
  await browser.until(hasText("#state", "ready"));
  await browser.until(hasText("#peers tbody", "direct"));
  await browser.until(hasText("#relays tbody", "allocated"));
  await browser.until(hasText("#peers summary", "1"));
  await browser.page.click("#peers summary");
  await browser.until(hasText("#peers li", "<img src=x onerror="));
  await browser.until(hasText("#peers li", "10.20.0.0/16"));

  // Pings go on: the line has to grow by several seconds, and the list has to stay open meanwhile.
  const before = await pointsOf(browser, "#throughput path.one");
  await browser.until(
    `document.querySelector("#throughput path.one").getAttribute("d").split("L").length > ${
      before + 3
    }`,
  );
  assert.ok(
    await browser.page.evaluate(
      `document.querySelector("#peers details").open`,
    ),
  );
  await lab.demo.lab.must(
    "client",
    ...["curl", "-sS", "-m", "30", "-o", "/dev/null"],
    `http://${SITES.web}/bytes/${DOWNLOAD_BYTES}`,
  );
  await browser.until(
    `/scale to .*[MG]bit/.test(document.querySelector("#throughput").innerText)`,
  );

  // History is the server's: it is there again at once.
  await browser.page.reload();
  await browser.until(
    `document.querySelector("#throughput path.one").getAttribute("d").split("L").length > ${before}`,
  );

  await lab.portal.stop();
  await browser.until(hasText("#state", "not ready: portal not joined"));
  await browser.until(hasText("#overview", "not joined"));
  assert.deepEqual(browser.complaints, []);
  assert.equal(await browser.page.title(), "Firezone gateway");

  await lab.gateway.stop();
  await browser.until(hasText("#lost", "No contact with the gateway"));
  await browser.until(hasText("#state", "no contact"));
});

Deno.test("[ops 6] the status page is for this host only, and for no page elsewhere", async () => {
  await using lab = await startLab();
  const box = lab.demo.lab;

  const page = await curl("-i", PAGE_URL);
  const rebound = await curl("-i", "-H", "Host: evil.example:8090", PAGE_URL);
  const posted = await curl("-i", "-X", "POST", PAGE_URL);
  const outside = await box.run(
    "router-g",
    ...["curl", "-s", "-m", "3", "-o", "/dev/null"],
    `http://${GATEWAY_IPV4}:8090/`,
  );

  assert.match(page, /^HTTP\/1\.1 200/);
  assert.match(page, /content-security-policy: default-src 'none'/);
  assert.doesNotMatch(page, /(?:src|href)="?https?:/);
  assert.match(rebound, /^HTTP\/1\.1 421/);
  assert.match(posted, /^HTTP\/1\.1 405/);
  assert.equal(outside.code, CURL_REFUSED);

  function curl(...args: readonly string[]): Promise<string> {
    return box.must("gateway", "curl", "-s", "-m", "5", ...args);
  }
});

/** The gateway's address on its own network. */
const GATEWAY_IPV4 = "192.168.20.2";

/** Exit code of curl when nobody listens. */
const CURL_REFUSED = 7;

function hasText(selector: string, text: string): string {
  return `document.querySelector(${JSON.stringify(selector)})` +
    `?.innerText.includes(${JSON.stringify(text)})`;
}

async function pointsOf(
  { page }: LabBrowser,
  selector: string,
): Promise<number> {
  const path = await page.evaluate(
    `document.querySelector(${JSON.stringify(selector)}).getAttribute("d")`,
  );
  return String(path).split("L").length;
}
