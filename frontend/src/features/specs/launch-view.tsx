import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { Button } from "@/shared/ui/button";
import { Empty, Failure, Loading } from "@/shared/ui/states";
import { launchSpec, projectsQuery } from "./api";

interface Props {
  onLaunched: (projectId: string, specId: string) => void;
}

export function LaunchView({ onLaunched }: Props) {
  const projects = useQuery(projectsQuery);
  const [description, setDescription] = useState("");
  const [chosen, setChosen] = useState("");
  const [key] = useState(() => crypto.randomUUID());
  const projectId = chosen || (projects.data?.items[0]?.id ?? "");
  const launch = useMutation({
    mutationFn: () => launchSpec(projectId, description.trim(), `${key}-${description.length}`),
    onSuccess: (launched) => onLaunched(projectId, launched.spec_id),
  });
  if (projects.isPending) return <Loading what="projects" />;
  if (projects.isError) return <Failure error={projects.error} retry={() => projects.refetch()} />;
  if (projects.data.items.length === 0) {
    return (
      <Empty title="No project yet">
        <p>Make one with POST /api/v1/projects; the README shows how.</p>
      </Empty>
    );
  }
  const ready = description.trim() !== "" && !launch.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) launch.mutate();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && ready) launch.mutate();
  };
  return (
    <form onSubmit={submit} className="mx-auto max-w-2xl space-y-4">
      <h1 className="font-semibold text-xl">What should be built?</h1>
      <label className="block">
        <span className="text-muted text-sm">Say it in your own words</span>
        <textarea
          value={description}
          onChange={(change) => setDescription(change.target.value)}
          onKeyDown={onKey}
          rows={8}
          className="mt-1 w-full rounded-lg border border-line bg-surface p-3"
        />
      </label>
      <label className="block">
        <span className="text-muted text-sm">Project</span>
        <select
          value={projectId}
          onChange={(change) => setChosen(change.target.value)}
          className="mt-1 w-full rounded-lg border border-line bg-surface p-2"
        >
          {projects.data.items.map((project) => (
            <option key={project.id} value={project.id}>
              {project.name}
            </option>
          ))}
        </select>
      </label>
      <div className="flex items-center gap-3">
        <Button kind="primary" type="submit" disabled={!ready}>
          Launch
        </Button>
        <span className="text-muted text-sm">Ctrl or ⌘ + Enter</span>
      </div>
      {launch.isError ? (
        <p role="alert" className="text-bad">
          {launch.error.message}
        </p>
      ) : null}
    </form>
  );
}
