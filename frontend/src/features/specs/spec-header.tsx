import { useMutation } from "@tanstack/react-query";
import type { Schemas } from "@/shared/api/client";
import { duration, usd } from "@/shared/time";
import { StateBadge } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { giveCommand, type Spec } from "./api";
import type { Connection } from "./use-live";

type Command = Schemas["CommandName"];

const WORDS: Partial<Record<Command, string>> = {
  execute: "Execute",
  pause: "Pause",
  resume: "Resume",
  retry_phase: "Retry phase",
  cancel: "Cancel",
};

export function SpecHeader({ spec, connection }: { spec: Spec; connection: Connection }) {
  const closed = ["completed", "failed", "cancelled"].includes(spec.status ?? "");
  const command = useMutation({ mutationFn: (name: Command) => giveCommand(spec.id, name) });
  const actions = (spec.allowed_actions ?? []).filter(
    (action) =>
      action.id in WORDS &&
      (action.enabled || (!closed && !["execute", "retry_phase"].includes(action.id))),
  );
  return (
    <header>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <h1 className="min-w-0 break-words font-semibold text-xl">{spec.title}</h1>
        <div className="flex flex-wrap gap-2">
          {actions.map((action) => (
            <Button
              key={action.id}
              kind={action.id === "cancel" ? "danger" : "plain"}
              disabled={!action.enabled || command.isPending}
              title={action.reason ?? undefined}
              onClick={() => command.mutate(action.id as Command)}
            >
              {WORDS[action.id as Command] ?? action.id}
            </Button>
          ))}
        </div>
      </div>
      <p className="mt-1 flex flex-wrap items-center gap-x-4 gap-y-1 text-muted text-sm">
        <StateBadge state={spec.status ?? "draft"} />
        <span>{duration(spec.created_at, spec.updated_at)}</span>
        <span>{usd(spec.usage?.cost_usd)}</span>
        <span>
          {spec.tasks_merged ?? 0} of {spec.tasks_total ?? 0} tasks merged
        </span>
        <span>{spec.model}</span>
        {closed ? null : (
          <span role="status">{connection === "live" ? "Live" : "Reconnecting…"}</span>
        )}
      </p>
      {spec.waiting_reason ? (
        <p className="mt-1 text-ask text-sm">Waits: {spec.waiting_reason}</p>
      ) : null}
      {spec.drift && spec.drift.length > 0 ? (
        <p className="mt-1 break-words text-sm text-warn">
          Changed on {spec.base_branch} since this spec began: {spec.drift.join(", ")}
        </p>
      ) : null}
      {spec.error ? <p className="mt-1 break-words text-bad text-sm">{spec.error}</p> : null}
      {command.isError ? (
        <p role="alert" className="mt-1 text-bad text-sm">
          {command.error.message}
        </p>
      ) : null}
    </header>
  );
}
