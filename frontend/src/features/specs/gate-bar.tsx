import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { Button } from "@/shared/ui/button";
import { decideGate, type Gate } from "./api";

type Kind = Schemas["DecisionKind"];

const WORDS: Record<Kind, string> = {
  approve: "Approve",
  request_changes: "Request changes",
  reject: "Reject",
  retry: "Retry",
  skip: "Skip",
  accept: "Accept",
  cancel: "Cancel the spec",
};
const PRIMARY: Kind[] = ["approve", "retry", "accept"];
const NEEDS_NOTE: Kind[] = ["request_changes"];

/** Pinned while a gate is open; the decision carries the hash of the document that is shown. */
export function GateBar({ gate }: { gate: Gate }) {
  const [note, setNote] = useState("");
  const decision = useMutation({ mutationFn: (kind: Kind) => decideGate(gate, kind, note) });
  const [head, ...rest] = gate.summary.split("\n");
  return (
    <section
      aria-label="Your decision"
      className="sticky top-2 z-10 rounded-lg border-2 border-ask bg-surface p-4 shadow-lg"
    >
      <h2 className="font-semibold text-ask">{head}</h2>
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
      <div className="mt-2 flex flex-wrap items-center gap-2">
        {gate.options.map((kind) => {
          const missing = NEEDS_NOTE.includes(kind) && note.trim() === "";
          return (
            <Button
              key={kind}
              kind={PRIMARY.includes(kind) ? "primary" : "plain"}
              disabled={decision.isPending || missing}
              title={missing ? "Say in a note what must change" : undefined}
              onClick={() => decision.mutate(kind)}
            >
              {WORDS[kind]}
            </Button>
          );
        })}
        {decision.isError ? (
          <p role="alert" className="text-bad text-sm">
            {decision.error.message}
          </p>
        ) : null}
      </div>
    </section>
  );
}
