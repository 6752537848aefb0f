import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Failure, Loading } from "@/shared/ui/states";
import { eventsQuery, metaQuery, type Spec, specQuery, tasksQuery } from "./api";
import { ChangesView } from "./changes-view";
import { DocumentView } from "./document-view";
import { GateBar } from "./gate-bar";
import { MoreCommands } from "./more-commands";
import { PhaseRail } from "./phase-rail";
import { QuestionsPanel } from "./questions-panel";
import { SpecHeader } from "./spec-header";
import { TasksTable } from "./tasks-table";
import { Timeline } from "./timeline";
import { useLive } from "./use-live";

export const TABS = ["overview", "document", "execution", "changes"] as const;
export type Tab = (typeof TABS)[number];
export interface SpecSearch {
  tab?: Tab;
  phase?: string;
}

interface Props {
  specId: string;
  search: SpecSearch;
  onSearch: (search: SpecSearch) => void;
}

export function SpecView(props: Props) {
  const spec = useQuery(specQuery(props.specId));
  const tasks = useQuery({ ...tasksQuery(props.specId), enabled: spec.isSuccess });
  const events = useQuery({ ...eventsQuery(props.specId), enabled: spec.isSuccess });
  const failed = [spec, tasks, events].find((query) => query.isError);
  if (failed?.error) return <Failure error={failed.error} retry={() => failed.refetch()} />;
  if (!spec.data || !tasks.data || !events.data) return <Loading what="the spec" />;
  return <Loaded key={props.specId} {...props} spec={spec.data} />;
}

function Loaded({ spec, specId, search, onSearch }: Props & { spec: Spec }) {
  const [since] = useState(spec.as_of_seq ?? 0);
  const connection = useLive(specId, since);
  const meta = useQuery(metaQuery);
  const tasks = useQuery(tasksQuery(specId)).data ?? [];
  const events = useQuery(eventsQuery(specId)).data ?? [];
  const phases = spec.phases ?? [];
  const gatePhase = spec.open_gate?.document ? spec.open_gate.phase : null;
  const selected = search.phase ?? gatePhase ?? spec.current_phase ?? "requirements";
  const tab = search.tab ?? (gatePhase ? "document" : "overview");
  const meanings = Object.fromEntries((meta.data?.phases ?? []).map((p) => [p.phase, p.meaning]));
  const shown = phases.find((phase) => phase.phase === selected);
  return (
    <div className="space-y-4">
      <SpecHeader spec={spec} connection={connection} />
      <PhaseRail
        phases={phases}
        meanings={meanings}
        selected={tab === "document" ? selected : ""}
        onSelect={(phase) => onSearch({ tab: "document", phase })}
      />
      {spec.open_gate ? <GateBar key={spec.open_gate.id} gate={spec.open_gate} /> : null}
      <nav aria-label="Sections" className="flex flex-wrap gap-1 border-line border-b">
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            aria-current={tab === name ? "page" : undefined}
            onClick={() => onSearch({ ...search, tab: name })}
            className={`border-b-2 px-3 py-2 font-medium text-sm capitalize ${tab === name ? "border-accent text-ink" : "border-transparent text-muted hover:text-ink"}`}
          >
            {name}
          </button>
        ))}
      </nav>
      {tab === "overview" ? (
        <div className="grid gap-4 lg:grid-cols-[3fr_2fr]">
          <div className="min-w-0 space-y-4">
            <Request spec={spec} />
            <QuestionsPanel specId={specId} />
            <TasksTable tasks={tasks} />
            <MoreCommands spec={spec} />
          </div>
          <Timeline events={events} />
        </div>
      ) : null}
      {tab === "document" && shown ? <DocumentView phase={shown} /> : null}
      {tab === "execution" ? (
        <div className="space-y-4">
          <TasksTable tasks={tasks} />
          <Timeline events={events} />
        </div>
      ) : null}
      {tab === "changes" ? <ChangesView spec={spec} /> : null}
    </div>
  );
}

function Request({ spec }: { spec: Spec }) {
  return (
    <section className="rounded-lg border border-line bg-surface p-4">
      <h2 className="font-semibold">Request</h2>
      <p className="mt-1 whitespace-pre-wrap break-words">{spec.description}</p>
      <p className="mt-3 break-all text-muted text-sm">
        {spec.branch_name ?? "no branch yet"} from {spec.base_branch}
      </p>
    </section>
  );
}
