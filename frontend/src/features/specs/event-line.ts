import type { SpecEvent } from "./api";

type Data = Record<string, unknown>;

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function score(data: Data): string {
  return `${Number(data.eval_score ?? 0).toFixed(2)} of ${Number(data.threshold ?? 0).toFixed(2)}`;
}

function gate(data: Data): Data {
  return (data.gate ?? {}) as Data;
}

function asked(data: Data): Data {
  return (data.question ?? {}) as Data;
}

const LINES: Record<string, (data: Data) => string> = {
  "spec.created": () => "Spec launched",
  "spec.execution_started": () => "Execution started",
  "spec.execution_completed": () => "Completed: the pull request is open",
  "spec.execution_failed": (data) => `Failed: ${text(data.error)}`,
  "spec.phase_started": (data) => `Attempt ${text(data.attempt)} started`,
  "spec.attempt_evaluated": (data) =>
    `Score ${score(data)}, ${data.passed ? "passed" : "not passed"}`,
  "spec.phase_retry": (data) => `Goes back with feedback: ${text(data.reason)}`,
  "spec.phase_completed": (data) => `Done in ${Number(data.duration_seconds ?? 0).toFixed(1)} s`,
  "spec.phase_failed": (data) => `Failed: ${text(data.error) || text(data.reason)}`,
  "spec.gate_opened": (data) => `Asks you: ${text(gate(data).summary).split("\n")[0]}`,
  "spec.gate_decided": (data) => {
    const decision = (data.decision ?? {}) as Data;
    return `${text(decision.kind)} by ${text(decision.by)}`;
  },
  "spec.gate_reminded": (data) => `Still asks: ${text(gate(data).summary).split("\n")[0]}`,
  "spec.gate_expired": (data) => {
    const decision = (data.decision ?? {}) as Data;
    return `${text(decision.kind)}: the deadline passed`;
  },
  "question.asked": (data) => `Question: ${text(asked(data).text)}`,
  "question.answered": (data) => `Answer: ${text(asked(data).answer)}`,
  "question.assumed": (data) => `Assumed: ${text(asked(data).answer)}`,
  "spec.base_found": (data) => `Plans against ${text(data.base_commit).slice(0, 10)}`,
  "spec.document_edited": (data) => `Version ${text(data.version)} by ${text(data.by)} is in force`,
  "spec.rerun_started": (data) => `Run ${text(data.run)} begins, by ${text(data.by)}`,
  "spec.plan_edited": (data) => `Plan edited by ${text(data.by)}`,
  "spec.budget_warning": () => "Four fifths of the budget are used",
  "spec.budget_set": (data) => `Budget set by ${text(data.by)}`,
  "spec.drift_detected": (data) =>
    `Changed meanwhile: ${((data.files ?? []) as string[]).join(", ")}`,
  "model.call_lost": (data) =>
    `A model call was lost, at most ${text(data.at_most_usd) || "unknown"} USD`,
  "spec.paused": (data) => `Paused by ${text(data.by)}`,
  "spec.resumed": (data) => `Resumed by ${text(data.by)}`,
  "spec.cancelled": (data) => `Cancelled by ${text(data.by)} ${text(data.reason)}`,
  "spec.archived": (data) => `Archived by ${text(data.by)}`,
  "spec.changed": (data) => `Changed by ${text(data.by)} before its start`,
  "spec.pull_request_merged": (data) => `Pull request #${text(data.number)} merged`,
  "spec.pull_request_closed": (data) => `Pull request #${text(data.number)} closed`,
  "ticket.moved": (data) => `${text(data.title)}: ${text(data.column).replace("_", " ")}`,
  "ticket.commented": (data) => `${text(data.by)} on a ticket: ${text(data.text)}`,
  "spec.ticket_created": (data) => `Ticket: ${text(data.title)}`,
  "spec.task_created": (data) => `Task: ${text(data.title)}`,
  "spec.tasks_queued": (data) => `${text(data.task_count)} tasks queued`,
  "spec.branch_created": (data) => `Branch ${text(data.branch_name)}`,
  "spec.final_checked": (data) =>
    `Final check ${((data.check ?? {}) as Data).passed ? "green" : "red"}`,
  "spec.pull_request_created": (data) => `Pull request #${text(data.number)}`,
  "agent.turn": (data) => `Turn ${text(data.turn)}: ${text(data.tool)} ${text(data.summary)}`,
  "agent.started": (data) => `${text(data.local_id)}: agent begins round ${text(data.round)}`,
  "agent.message": (data) =>
    `${text(data.by)} ${data.delivered ? "was heard" : "says"}: ${text(data.text)}`,
  "spec.foreign_commits": (data) =>
    `Somebody else pushed ${((data.commits ?? []) as string[]).map((c) => c.slice(0, 10)).join(", ")}`,
  "sandbox.idle": () => "Sandbox given up while it waits",
  "sandbox.lost": () => "Sandbox lost; it is built again",
  "sandbox.spawned": () => "Sandbox ready",
  "sandbox.terminated": () => "Sandbox gone",
  waiting: (data) => text(data.reason),
};

/** One line for a person; an unknown type is shown as it is, never dropped. */
export function eventLine(event: SpecEvent): string {
  const data = event.data as Data;
  if (event.claimed) return `A sandbox claims ${event.event_type}; nothing changed`;
  const known = LINES[event.event_type];
  if (known) return known(data);
  if (event.event_type.startsWith("task.")) {
    const state = event.event_type.slice("task.".length).replace("_", " ");
    const check = data.check as Data | undefined;
    const reason = check
      ? `${check.passed ? "green" : "red"}${check.tests ? `, ${text(check.tests)} tests` : ""}`
      : text(data.reason);
    return `${text(data.local_id)}: ${state}${reason ? ` (${reason})` : ""}`;
  }
  if (event.event_type.endsWith("_generated") || event.event_type === "spec.artifact_created") {
    return `Document version ${text(data.version)}: ${text(data.path)}`;
  }
  return event.event_type;
}
