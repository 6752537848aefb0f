import { describe, expect, it } from "vitest";
import type { SpecEvent } from "./api";
import { eventLine } from "./event-line";

function event(event_type: string, data: object, more: object = {}): SpecEvent {
  return { event_type, data, claimed: false, ...more } as unknown as SpecEvent;
}

describe("a line of the timeline", () => {
  it("says what a board move and a merged pull request were", () => {
    expect(eventLine(event("ticket.moved", { title: "Budgets", column: "in_progress" }))).toBe(
      "Budgets: in progress",
    );
    expect(eventLine(event("spec.pull_request_merged", { number: 3 }))).toBe(
      "Pull request #3 merged",
    );
  });

  it("never tells a sandbox's claim as a fact", () => {
    const claimed = event("spec.execution_completed", {}, { claimed: true });
    expect(eventLine(claimed)).toBe("A sandbox claims spec.execution_completed; nothing changed");
  });

  it("shows a type that it does not know as it is", () => {
    expect(eventLine(event("my.own.kind", { any: 1 }))).toBe("my.own.kind");
  });
});
