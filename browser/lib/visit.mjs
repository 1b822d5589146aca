// A visit: one browser window with cookies of its own, watched. Whatever a page complains about fails the test: errors on
// the console, exceptions, violations of the content policy, requests that fail, and every status of 400 and above that
// the test did not say it expects.

import assert from "node:assert/strict";
import { join } from "node:path";

import { chromium } from "./packages.mjs";
import { browser as executablePath, screenshots, WAIT } from "./place.mjs";
import { noteAnswer } from "./seen.mjs";

/** What `up` printed. */
export const server = JSON.parse(process.env.BROWSER_TESTS_SERVER ?? "{}");

/** The same of another server, where nobody has come in yet. */
export const anotherServer = JSON.parse(process.env.BROWSER_TESTS_ANOTHER_SERVER ?? "{}");

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Nothing but this machine has a name.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

let browser = null;

async function launched() {
  browser ??= await chromium.launch({ executablePath, args, timeout: WAIT });
  return browser;
}

export async function close() {
  await browser?.close();
  browser = null;
}

export class Visit {
  #context;
  #origin;
  #complaints = [];
  #expected = [];
  page;

  /** Opens a window. `options` are Playwright's of a context. */
  static async open({ baseURL = server.url, ...options } = {}) {
    const visit = new Visit();
    visit.#origin = baseURL;
    visit.#context = await (await launched()).newContext({
      baseURL,
      viewport: { width: 1280, height: 900 },
      locale: "en-GB",
      timezoneId: "UTC",
      reducedMotion: "reduce",
      ...options,
    });
    visit.#context.setDefaultTimeout(WAIT);
    await visit.#watch();
    visit.page = await visit.#context.newPage();
    return visit;
  }

  get context() {
    return this.#context;
  }

  #complain(what) {
    this.#complaints.push(what);
  }

  async #watch() {
    const context = this.#context;
    await context.exposeBinding("__complain", (_, what) => this.#complain(what));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = event;
        window.__complain(`content policy: ${effectiveDirective} ${blockedURI} ${sourceFile}:${lineNumber} ${sample}`);
      });
      const types = ["csp-violation", "intervention"];
      const tell = (report) => window.__complain(`${report.type}: ${JSON.stringify(report.body)}`);
      new ReportingObserver((reports) => reports.forEach(tell), { types, buffered: true }).observe();
    });
    context.on("weberror", (error) => this.#complain(`exception: ${error.error().stack}`));
    context.on("console", (message) => {
      const text = message.text();
      // What the server answered is looked at below, where its status is known.
      const isStatus = text.startsWith("Failed to load resource: the server responded with a status of");
      if (["error", "warning"].includes(message.type()) && !isStatus) this.#complain(`console: ${text}`);
    });
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.origin !== this.#origin) this.#complain(`asked ${url.origin}`);
    });
    context.on("requestfailed", (request) => {
      const why = request.failure()?.errorText;
      // A page that is left breaks off what it had begun.
      if (why !== "net::ERR_ABORTED") this.#complain(`${request.method()} ${request.url()}: ${why}`);
    });
    context.on("response", (response) => {
      noteAnswer(response.request(), response);
      if (response.status() < 400) return;
      const { pathname } = new URL(response.url());
      const found = this.#expected.find((one) => one.status === response.status() && !one.met);
      if (found) found.met = true;
      else this.#complain(`${response.request().method()} ${pathname}: ${response.status()}`);
    });
  }

  /** The next answer with this status is no fault; and it must come. */
  expect(status) {
    this.#expected.push({ status, met: false });
  }

  async goto(path) {
    await this.page.goto(path);
  }

  /** The path and query of the open page. */
  get at() {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  /** Waits until the path of the open page is this, or matches this. */
  async arrive(path) {
    const fits = (url) => (typeof path === "string" ? url.pathname === path : path.test(url.pathname));
    await this.page.waitForURL(fits, { waitUntil: "load" });
  }

  /** Presses a button, by its name. */
  async press(name) {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Follows a link, by its name. */
  async follow(name) {
    await this.page.getByRole("link", { name, exact: true }).click();
  }

  /** Types into fields, each named by its label. */
  async fill(fields) {
    for (const [label, value] of Object.entries(fields)) {
      await this.page.getByLabel(label, { exact: true }).fill(value);
    }
  }

  /** Follows a link to a question, which is asked in a dialog; answers the dialog. `name` may be a part of the link's. */
  async ask(name) {
    await this.page.locator("main").getByRole("link", { name }).click();
    const dialog = this.page.getByRole("dialog");
    await dialog.waitFor();
    return dialog;
  }

  /** Chooses one of several, by its name. */
  async choose(name) {
    await this.page.getByRole("radio", { name, exact: true }).check();
  }

  /** Waits for the heading of the page. */
  async headed(text) {
    await this.page.getByRole("heading", { level: 1, name: text }).waitFor();
  }

  /** Waits until this text stands in the page's own part, as more than a choice of a menu. */
  async sees(text) {
    await this.page.locator("main").getByText(text).and(this.page.locator(":not(option)")).first().waitFor();
  }

  #settled() {
    const missing = this.#expected.filter((one) => !one.met).map((one) => `no answer had status ${one.status}`);
    return [...this.#complaints, ...missing];
  }

  /** What was complained about so far. */
  get complaints() {
    return [...this.#complaints];
  }

  /** Ends the visit, and fails when anything was complained about. */
  async close() {
    await this.#context.close();
    assert.deepEqual(this.#settled(), [], "what the pages complained about");
  }
}

let failures = 0;

/** A visit for as long as `work` takes. What `work` throws comes with the complaints, they are often the reason, and with a
 * picture of the page. */
export async function visiting(work, options) {
  const visit = await Visit.open(options);
  try {
    await work(visit);
  } catch (error) {
    failures += 1;
    const picture = join(screenshots, `failed-${failures}.png`);
    await visit.page.screenshot({ path: picture, fullPage: true }).catch(() => {});
    const notes = [`The page was ${visit.at}, see ${picture}`];
    await visit.close().catch((complaints) => notes.push(complaints.message));
    error.stack += `\n${notes.join("\n")}`;
    throw error;
  }
  await visit.close();
}
