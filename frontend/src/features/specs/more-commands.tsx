import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { Button } from "@/shared/ui/button";
import { giveCommand, type Spec } from "./api";
import { BudgetFields } from "./gate-fields";

const PHASES = ["explore", "requirements", "design", "tasks"] as const;
const FIELD = "mt-1 rounded-md border border-line bg-canvas p-2";

/** Commands that need more than a press: run again from a phase, and a new budget. */
export function MoreCommands({ spec }: { spec: Spec }) {
  const [phase, setPhase] = useState<(typeof PHASES)[number]>("requirements");
  const [note, setNote] = useState("");
  const [keep, setKeep] = useState(false);
  const [budget, setBudget] = useState<Schemas["BudgetLimits-Input"] | null>(null);
  const rerun = useMutation({
    mutationFn: () =>
      giveCommand(spec.id, "rerun_from", { from_phase: phase, reason: note, keep_merged: keep }),
  });
  const set = useMutation({
    mutationFn: () => giveCommand(spec.id, "set_budget", { budget: budget ?? null }),
  });
  const enabled = (id: string) =>
    (spec.allowed_actions ?? []).some((action) => action.id === id && action.enabled);
  if (!enabled("rerun_from") && !enabled("set_budget")) return null;
  const failed = rerun.error ?? set.error;
  return (
    <details className="rounded-lg border border-line bg-surface p-4 text-sm">
      <summary className="cursor-pointer font-semibold">Run again, budget</summary>
      {enabled("rerun_from") ? (
        <div className="mt-3 flex flex-wrap items-end gap-2">
          <label>
            <span className="block text-muted">From</span>
            <select
              value={phase}
              onChange={(change) => setPhase(change.target.value as typeof phase)}
              className={FIELD}
            >
              {PHASES.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label className="min-w-0 flex-1">
            <span className="block text-muted">What must be different</span>
            <input
              value={note}
              onChange={(change) => setNote(change.target.value)}
              className={`${FIELD} w-full`}
            />
          </label>
          <label className="flex items-center gap-1 pb-2">
            <input
              type="checkbox"
              checked={keep}
              onChange={(change) => setKeep(change.target.checked)}
            />
            keep merged tasks
          </label>
          <Button disabled={rerun.isPending} onClick={() => rerun.mutate()}>
            Run again
          </Button>
        </div>
      ) : null}
      {enabled("set_budget") ? (
        <div className="mt-3 flex flex-wrap items-end gap-2">
          <BudgetFields onChange={setBudget} />
          <Button disabled={budget === null || set.isPending} onClick={() => set.mutate()}>
            Set the budget
          </Button>
        </div>
      ) : null}
      {failed ? (
        <p role="alert" className="mt-2 text-bad">
          {failed.message}
        </p>
      ) : null}
    </details>
  );
}
