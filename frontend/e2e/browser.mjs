import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Real Chromium, from CHROMIUM_PATH. */
export function launch() {
  const executablePath = process.env.CHROMIUM_PATH;
  if (!executablePath) throw new Error("CHROMIUM_PATH is not set");
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS });
}

/** A page that remembers what must not happen: policy violations, errors, foreign requests. */
export async function openPage(browser, { theme = "light", width = 1280, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  const faults = [];
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (violation) =>
      console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI}`),
    );
  });
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  return { context, page, faults };
}
