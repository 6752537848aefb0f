import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { Button } from "@/shared/ui/button";
import { type Decision, decideGate, type Gate } from "./api";
import { BudgetFields, CommentFields, DocumentField } from "./gate-fields";

type Kind = Schemas["DecisionKind"];

const WORDS: Record<Kind, string> = {
  approve: "Approve",
  request_changes: "Request changes",
  reject: "Reject",
  retry: "Retry",
  skip: "Skip",
  accept: "Accept",
  cancel: "Cancel the spec",
  edit: "Approve my version",
  raise: "Raise the budget",
  stop: "Stop the spec",
  go_on: "Go on",
  re_explore: "Explore again",
};
const PRIMARY: Kind[] = ["approve", "retry", "accept", "raise", "go_on"];

/** Pinned while a gate is open; the decision carries the hash of the document that is shown. */
export function GateBar({ gate }: { gate: Gate }) {
  const [note, setNote] = useState("");
  const [comments, setComments] = useState<Schemas["Comment"][]>([]);
  const [own, setOwn] = useState<Record<string, unknown> | null>(null);
  const [budget, setBudget] = useState<Schemas["BudgetLimits-Input"] | null>(null);
  const decision = useMutation({ mutationFn: (made: Decision) => decideGate(gate, made) });
  const lacks: Partial<Record<Kind, string | undefined>> = {
    request_changes:
      note.trim() === "" && comments.length === 0 ? "Say what must change" : undefined,
    edit: own === null ? "Change the document below first" : undefined,
    raise: budget === null ? "Say the new limits" : undefined,
  };
  const [head, ...rest] = gate.summary.split("\n");
  const decide = (kind: Kind) =>
    decision.mutate({
      kind,
      note,
      comments,
      ...(kind === "edit" && own ? { document: own } : {}),
      ...(kind === "raise" && budget ? { budget } : {}),
    });
  return (
    <section
      aria-label="Your decision"
      className="sticky top-2 z-10 max-h-[80vh] overflow-auto rounded-lg border-2 border-ask bg-surface p-4 shadow-lg"
    >
      <h2 className="font-semibold text-ask">{head}</h2>
      {gate.deadline ? (
        <p className="text-muted text-sm">
          Until {new Date(gate.deadline).toLocaleString()}, then:{" "}
          {gate.on_deadline === "remind" ? "a reminder" : gate.on_deadline}
        </p>
      ) : null}
      {rest.length > 0 ? (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: text that scrolls is reached by keyboard
          tabIndex={0}
          className="mt-1 max-h-40 overflow-auto whitespace-pre-wrap font-sans text-muted text-sm"
        >
          {rest.join("\n")}
        </pre>
      ) : null}
      <label className="mt-3 block text-sm">
        <span className="text-muted">A note (what must change, or why)</span>
        <textarea
          value={note}
          onChange={(change) => setNote(change.target.value)}
          rows={2}
          className="mt-1 w-full rounded-md border border-line bg-canvas p-2"
        />
      </label>
      {gate.options.includes("request_changes") ? (
        <CommentFields comments={comments} onChange={setComments} />
      ) : null}
      {gate.options.includes("edit") && gate.document ? (
        <DocumentField sha256={gate.document.sha256} onChange={setOwn} />
      ) : null}
      {gate.options.includes("raise") ? <BudgetFields onChange={setBudget} /> : null}
      <div className="mt-2 flex flex-wrap items-center gap-2">
        {gate.options.map((kind) => (
          <Button
            key={kind}
            kind={PRIMARY.includes(kind) ? "primary" : "plain"}
            disabled={decision.isPending || lacks[kind] !== undefined}
            title={lacks[kind]}
            onClick={() => decide(kind)}
          >
            {WORDS[kind]}
          </Button>
        ))}
        {decision.isError ? (
          <p role="alert" className="whitespace-pre-wrap text-bad text-sm">
            {decision.error.message}
          </p>
        ) : null}
      </div>
    </section>
  );
}
