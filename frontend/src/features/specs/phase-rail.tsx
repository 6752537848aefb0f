import { Check, CircleDashed, CirclePause, Loader, RotateCw, X } from "lucide-react";
import type { ComponentType } from "react";
import { duration, usd } from "@/shared/time";
import type { Phase } from "./api";

type State = NonNullable<Phase["state"]>;

const LOOKS: Record<State, { icon: ComponentType<{ size: number }>; tone: string; word: string }> =
  {
    pending: { icon: CircleDashed, tone: "text-muted", word: "pending" },
    running: { icon: Loader, tone: "text-accent animate-pulse", word: "running" },
    evaluating: { icon: Loader, tone: "text-accent animate-pulse", word: "evaluating" },
    retrying: { icon: RotateCw, tone: "text-warn", word: "retrying" },
    waiting: { icon: CirclePause, tone: "text-ask", word: "waiting for you" },
    done: { icon: Check, tone: "text-good", word: "done" },
    failed: { icon: X, tone: "text-bad", word: "failed" },
  };

export function PhaseRail({
  phases,
  meanings,
  selected,
  onSelect,
}: {
  phases: Phase[];
  meanings: Record<string, string>;
  selected: string;
  onSelect: (phase: string) => void;
}) {
  return (
    <ol aria-label="Phases" className="grid gap-2 sm:grid-cols-5">
      {phases.map((phase) => {
        const look = LOOKS[phase.state ?? "pending"];
        const Icon = look.icon;
        const scored = phase.score !== null && phase.score !== undefined;
        return (
          <li key={phase.phase}>
            <button
              type="button"
              title={meanings[phase.phase]}
              aria-current={selected === phase.phase ? "step" : undefined}
              onClick={() => onSelect(phase.phase)}
              className={`h-full w-full rounded-lg border bg-surface p-3 text-left hover:bg-raised ${selected === phase.phase ? "border-accent" : "border-line"}`}
            >
              <span className="flex items-center gap-2 font-semibold capitalize">
                <span className={look.tone}>
                  <Icon size={16} aria-hidden />
                </span>
                {phase.phase}
              </span>
              <span className={`block text-xs ${look.tone.replace(" animate-pulse", "")}`}>
                {look.word}
                {phase.stale ? ", based on an older version" : ""}
              </span>
              <span className="mt-1 block text-muted text-xs">
                {scored
                  ? `${phase.score?.toFixed(2)}${phase.threshold ? ` of ${phase.threshold.toFixed(2)}` : ""}`
                  : "no score"}
                {(phase.attempt ?? 0) > 1 ? ` · attempt ${phase.attempt}` : ""}
              </span>
              <span className="block text-muted text-xs">
                {duration(phase.started_at, phase.completed_at)} · {usd(phase.usage?.cost_usd)}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
