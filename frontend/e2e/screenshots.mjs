// Takes pictures of every page: node screenshots.mjs API_URL FOLDER
import { mkdirSync } from "node:fs";
import { launch, openPage } from "./browser.mjs";

const [url, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const { items } = await (await fetch(`${url}/api/v1/specs?limit=100`)).json();
const done = items.find((spec) => spec.status === "completed") ?? items[0];
const waiting = items.find((spec) => spec.open_gate);
const at = (spec, query = "") => `/projects/${spec.project_id}/specs/${spec.id}${query}`;
const pages = { specs: "/", launch: "/new" };
if (done) {
  pages.spec = at(done);
  pages.document = at(done, "?tab=document&phase=requirements");
  pages.changes = at(done, "?tab=changes");
}
if (waiting) pages.gate = at(waiting);
const browser = await launch();
for (const [look, options] of Object.entries({
  light: {},
  dark: { theme: "dark" },
  narrow: { width: 390, height: 844 },
})) {
  for (const [name, path] of Object.entries(pages)) {
    const { context, page } = await openPage(browser, options);
    await page.goto(url + path);
    await page.locator("main h1").first().waitFor();
    await page.waitForTimeout(400); // a picture has no condition: let fonts and streams settle
    await page.screenshot({ path: `${folder}/${name}-${look}.png`, fullPage: true });
    console.log(`${folder}/${name}-${look}.png`);
    await context.close();
  }
}
await browser.close();
