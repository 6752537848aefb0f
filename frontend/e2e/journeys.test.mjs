// Journeys in real Chromium: API_URL and CHROMIUM_PATH come from the test that starts the stack.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { Transform } from "node:stream";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";

const url = process.env.API_URL;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LIMIT = 60_000;
let browser;
let finished = "";

before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }),
  );
  return found.violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`);
}

/**
 * A TCP proxy on loopback that can cut every connection and refuse new ones. It speaks to the API
 * under the API's own name, which is the only one that it answers to.
 */
async function cuttableProxy() {
  const target = new URL(url);
  const sockets = new Set();
  let open = true;
  const named = () =>
    new Transform({
      transform(chunk, _encoding, done) {
        const own = `127.0.0.1:${server.address().port}`;
        done(null, Buffer.from(chunk.toString("latin1").replaceAll(own, target.host), "latin1"));
      },
    });
  const server = createServer((incoming) => {
    if (!open) {
      incoming.destroy();
      return;
    }
    const outgoing = connect(Number(target.port), target.hostname);
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    incoming.pipe(named()).pipe(outgoing).pipe(incoming);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      open = false;
      for (const socket of sockets) socket.destroy();
    },
    restore() {
      open = true;
    },
    close() {
      this.cut();
      server.close();
    },
  };
}

async function launchSpec(page, at = url) {
  await page.goto(`${at}/new`);
  await page.getByLabel("Project").selectOption({ label: "Ledger (demo)" });
  await page.getByLabel("Say it in your own words").fill("Let me set a monthly budget.");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL("**/projects/*/specs/*");
}

test("launch, read the document, approve at the gate, and see it merged", async () => {
  const { context, page, faults } = await openPage(browser);
  await launchSpec(page);
  const gate = page.getByRole("region", { name: "Your decision" });
  await gate.waitFor({ timeout: LIMIT });
  await page.getByRole("heading", { name: "REQ-001: Set a budget" }).waitFor();
  assert.ok(await page.getByText("When a person sets a budget").isVisible());
  assert.ok(await gate.getByRole("button", { name: "Request changes" }).isDisabled());
  assert.deepEqual(await violations(page), []);
  await gate.getByRole("button", { name: "Approve", exact: true }).click();
  await gate.waitFor({ state: "detached", timeout: LIMIT });
  await page.getByRole("button", { name: "execution" }).click();
  await page.getByText("5 of 5 tasks merged").waitFor({ timeout: LIMIT });
  await page.getByText("completed", { exact: true }).first().waitFor({ timeout: LIMIT });
  const timeline = page.getByRole("region", { name: "Timeline" });
  await timeline.getByText("Completed: the pull request is open").waitFor();
  const seqs = await timeline
    .locator("[data-seq]")
    .evaluateAll((lines) => lines.map((line) => Number(line.dataset.seq)));
  assert.deepEqual(
    seqs,
    [...new Set(seqs)].sort((left, right) => left - right),
  );
  await page.getByRole("button", { name: "changes" }).click();
  await page.getByRole("heading", { name: "Trace" }).waitFor();
  assert.deepEqual(faults, []);
  finished = page.url().split("?")[0];
  await context.close();
});

test("every page in light and dark at three widths: no fault, no sideways scroll", async () => {
  const paths = [`${url}/`, `${url}/new`, finished, `${finished}?tab=document&phase=design`];
  for (const theme of ["light", "dark"]) {
    for (const width of [390, 834, 1440]) {
      const { context, page, faults } = await openPage(browser, { theme, width });
      for (const path of [...paths, `${finished}?tab=changes`]) {
        await page.goto(path);
        await page.locator("main h1").first().waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.ok(wide <= 0, `${path} at ${width} scrolls sideways by ${wide}`);
        assert.deepEqual(await violations(page), [], `${path} ${theme} ${width}`);
      }
      assert.deepEqual(faults, []);
      await context.close();
    }
  }
});

test("a cut stream is resumed without a gap or a double", async () => {
  const proxy = await cuttableProxy();
  const { context, page } = await openPage(browser);
  await launchSpec(page, proxy.url);
  const gate = page.getByRole("region", { name: "Your decision" });
  await gate.waitFor({ timeout: LIMIT });
  proxy.cut();
  await page.getByText("Reconnecting…").waitFor({ timeout: LIMIT });
  const spec = page.url().split("/specs/")[1].split("?")[0];
  const [open] = await (await fetch(`${url}/api/v1/specs/${spec}/gates`)).json();
  const answer = await fetch(`${url}/api/v1/specs/${spec}/gates/${open.id}/decision`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "approve", artifact_sha256: open.document.sha256 }),
  });
  assert.equal(answer.status, 202);
  proxy.restore();
  await page.getByText("5 of 5 tasks merged").waitFor({ timeout: LIMIT });
  await page.getByRole("button", { name: "execution" }).click();
  await page.getByText("Completed: the pull request is open").waitFor({ timeout: LIMIT });
  const seqs = await page
    .locator("[data-seq]")
    .evaluateAll((lines) => lines.map((line) => Number(line.dataset.seq)));
  assert.deepEqual(
    seqs,
    Array.from(seqs, (_, at) => at + 1),
  );
  await context.close();
});

test("a spec that is not there, and a page that is not there, say so", async () => {
  const { context, page } = await openPage(browser);
  const id = "00000000-0000-0000-0000-000000000000";
  await page.goto(`${url}/projects/${id}/specs/${id}`);
  await page.getByText("This is not here").waitFor();
  await page.goto(`${url}/nowhere`);
  await page.getByText("There is no such page").waitFor();
  await context.close();
});

test("the theme is kept and pages work by keyboard alone", async () => {
  const { context, page } = await openPage(browser);
  await page.goto(url);
  await page.getByRole("button", { name: "Use the dark theme" }).focus();
  await page.keyboard.press("Enter");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  const first = page.locator("main li a").first();
  await first.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("list", { name: "Phases" }).waitFor();
  await context.close();
});
