import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Gate } from "./api";
import { GateBar } from "./gate-bar";

const gate = {
  id: "g",
  spec_id: "s",
  kind: "phase",
  summary: "Approve design: 4 components\nScore 1.00",
  options: ["approve", "request_changes", "reject"],
  document: { sha256: "a".repeat(64) },
} as unknown as Gate;

const sent: { url: string; body: unknown }[] = [];

beforeEach(() => {
  sent.length = 0;
  vi.stubGlobal("fetch", async (request: Request) => {
    sent.push({ url: request.url, body: await request.json() });
    const problem = { code: "stale-document", detail: "Review it again.", context: {} };
    return new Response(JSON.stringify(problem), {
      status: 409,
      headers: { "content-type": "application/problem+json" },
    });
  });
});
afterEach(() => vi.unstubAllGlobals());

function show(shown: Gate = gate) {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <GateBar gate={shown} />
    </QueryClientProvider>,
  );
}

it("asks for a note before changes are requested", async () => {
  show();
  const button = screen.getByRole("button", { name: "Request changes" });
  expect(button).toBeDisabled();
  await userEvent.type(screen.getByLabelText(/A note/), "name the file");
  expect(button).toBeEnabled();
});

it("sends the hash that is shown and tells a refusal", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("Review it again.");
  expect(sent[0]?.body).toMatchObject({ kind: "approve", artifact_sha256: "a".repeat(64) });
});

it("raises a budget only with new limits", async () => {
  show({ ...gate, kind: "budget", options: ["raise", "stop"], document: null });
  const button = screen.getByRole("button", { name: "Raise the budget" });
  expect(button).toBeDisabled();
  await userEvent.type(screen.getByLabelText("USD in all"), "25");
  await userEvent.click(button);
  expect(sent[0]?.body).toMatchObject({ kind: "raise", budget: { usd: "25", tokens: null } });
});

it("sends comments on single items", async () => {
  show();
  await userEvent.type(screen.getByLabelText("Item"), "REQ-002");
  await userEvent.type(screen.getByLabelText("Comment"), "say by how much");
  await userEvent.click(screen.getByText("Add"));
  await userEvent.click(screen.getByRole("button", { name: "Request changes" }));
  expect(sent[0]?.body).toMatchObject({
    kind: "request_changes",
    comments: [{ item: "REQ-002", text: "say by how much" }],
  });
});

it("has no accessibility fault", async () => {
  show();
  const found = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  expect(found.violations).toEqual([]);
});
