import { describe, expect, it } from "vitest";
import type { Spec, SpecEvent, Task } from "./api";
import { eventLine } from "./event-line";
import { applyEvent, type SpecPageState } from "./reducer";

const spec = { id: "s", as_of_seq: 1, status: "executing", title: "t" } as unknown as Spec;

function task(seq: number, state: string): Task {
  return { id: "t1", position: 0, as_of_seq: seq, state } as unknown as Task;
}

function event(seq: number, state: string): SpecEvent {
  return {
    seq,
    event_type: "task.merged",
    data: { local_id: "TSK-001" },
    view: { spec: { ...spec, as_of_seq: seq, status: state }, task: task(seq, state) },
  } as unknown as SpecEvent;
}

const start: SpecPageState = { spec, tasks: [], events: [] };
const log = ["working", "checking", "merging", "merged"].map((state, at) => event(at + 2, state));

describe("applyEvent", () => {
  it("folds a log to the server's last view", () => {
    const end = log.reduce(applyEvent, start);
    expect(end.spec.status).toBe("merged");
    expect(end.tasks).toEqual([task(5, "merged")]);
    expect(end.events.map((one) => one.seq)).toEqual([2, 3, 4, 5]);
  });

  it("is not moved by repeats or disorder", () => {
    const expected = log.reduce(applyEvent, start);
    const shuffled = [...log].reverse().concat(log);
    expect(shuffled.reduce(applyEvent, start)).toEqual(expected);
  });

  it("takes a task's newer view even when the event is known already", () => {
    const known = { spec, tasks: [task(2, "working")], events: [event(5, "merged")] };
    expect(applyEvent(known, event(5, "merged")).tasks).toEqual([task(5, "merged")]);
  });
});

describe("eventLine", () => {
  it("says a known type in words and shows an unknown one as it is", () => {
    expect(eventLine(event(1, "merged"))).toBe("TSK-001: merged");
    expect(eventLine({ ...event(1, "x"), event_type: "spec.of_tomorrow" })).toBe(
      "spec.of_tomorrow",
    );
  });
});
