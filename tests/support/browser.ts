import puppeteer, { type Browser, type Page } from "puppeteer-core";
import type { Lab } from "../../scripts/lab/lab.ts";

const CHROMIUM = "/usr/bin/chromium";

/** How long the browser may take to come up, or a page to become what a test waits for, in ms. */
const LIMIT_MS = 30_000;

/** A headless Chromium in a namespace of a lab, and one page in it. */
export class LabBrowser implements AsyncDisposable {
  /** The page. */
  readonly page: Page;
  /** What the page complained of, and what it asked other hosts for. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #profile: string;

  private constructor(browser: Browser, page: Page, profile: string) {
    this.#browser = browser;
    this.#profile = profile;
    this.page = page;
  }

  /** Starts the browser where `box` is. */
  static async start(lab: Lab, box: string): Promise<LabBrowser> {
    const profile = await Deno.makeTempDir({ prefix: "firezone-browser-" });
    const [ip = "", ...args] = lab.commandIn(box, [CHROMIUM]);
    const browser = await puppeteer.launch({
      executablePath: `/usr/bin/${ip}`,
      ignoreDefaultArgs: true,
      args: [...args, ...flags(profile)],
      pipe: true,
      timeout: LIMIT_MS,
      protocolTimeout: LIMIT_MS,
    });
    const page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    return new LabBrowser(browser, page, profile);
  }

  /** Opens a page. Errors and requests to anybody but it are complaints from here on. */
  async open(url: string): Promise<void> {
    const { origin } = new URL(url);
    this.page.on("console", (it) => {
      if (it.type() === "error") this.complaints.push(it.text());
    });
    this.page.on("pageerror", (it) => this.complaints.push(String(it)));
    this.page.on("request", (request) => {
      const target = request.url();
      if (!target.startsWith(origin) && !target.startsWith("data:")) {
        this.complaints.push(`Asked for ${target}`);
      }
    });
    await this.page.goto(url);
  }

  /** Waits until an expression in the page is true. */
  async until(expression: string): Promise<void> {
    try {
      await this.page.waitForFunction(expression, { polling: 100 });
    } catch (error) {
      const text = await this.text("body");
      throw new Error(`Not true: ${expression}\n${text}`, { cause: error });
    }
  }

  /** Returns the text of the first element that a selector names. */
  async text(selector: string): Promise<string> {
    const expression = `document.querySelector(${
      JSON.stringify(selector)
    }).innerText`;
    return String(await this.page.evaluate(expression));
  }

  /** Ends the browser. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await Deno.remove(this.#profile, { recursive: true });
  }
}

function flags(profile: string): string[] {
  return [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox", // The tests run as root.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
    "about:blank",
  ];
}
