import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { moment, usd } from "@/shared/time";
import { StateBadge } from "@/shared/ui/badge";
import { Empty, Failure, Loading } from "@/shared/ui/states";
import { type SpecSummary, specsQuery } from "./api";

const ORDER = ["waiting", "failed", "executing", "paused", "draft"];

/** What needs a person first, then what runs, then what is done; newest first in each. */
export function SpecsView() {
  const specs = useQuery(specsQuery);
  if (specs.isPending) return <Loading what="specs" />;
  if (specs.isError) return <Failure error={specs.error} retry={() => specs.refetch()} />;
  const items = [...specs.data.items].sort((left, right) => rank(left) - rank(right));
  return (
    <div className="space-y-4">
      <h1 className="font-semibold text-xl">Specs</h1>
      {items.length === 0 ? (
        <Empty title="No specs yet">
          <p>
            <Link to="/new" className="text-accent underline">
              Say what you want built
            </Link>{" "}
            to launch the first one.
          </p>
        </Empty>
      ) : (
        <ul className="space-y-2">
          {items.map((spec) => (
            <Row key={spec.id} spec={spec} />
          ))}
        </ul>
      )}
    </div>
  );
}

function rank(spec: SpecSummary): number {
  const at = ORDER.indexOf(spec.status ?? "draft");
  return at === -1 ? ORDER.length : at;
}

function Row({ spec }: { spec: SpecSummary }) {
  return (
    <li>
      <Link
        to="/projects/$projectId/specs/$specId"
        params={{ projectId: spec.project_id, specId: spec.id }}
        className="block rounded-lg border border-line bg-surface p-4 hover:bg-raised"
      >
        <span className="flex flex-wrap items-center justify-between gap-2">
          <span className="min-w-0 break-words font-medium">{spec.title}</span>
          <StateBadge state={spec.status ?? "draft"} />
        </span>
        <span className="mt-1 flex flex-wrap gap-x-4 text-muted text-sm">
          <span>{spec.current_phase ?? "—"}</span>
          <span>
            {spec.tasks_merged ?? 0} of {spec.tasks_total ?? 0} tasks merged
          </span>
          <span>{usd(spec.usage?.cost_usd)}</span>
          <span>{moment(spec.created_at)}</span>
        </span>
        {spec.waiting_reason ? (
          <span className="mt-1 block text-ask text-sm">Waits: {spec.waiting_reason}</span>
        ) : null}
      </Link>
    </li>
  );
}
