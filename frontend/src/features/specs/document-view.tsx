import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Empty, Failure, Loading } from "@/shared/ui/states";
import { artifactQuery, type Phase } from "./api";

const Markdown = lazy(() => import("./markdown"));

export function DocumentView({ phase }: { phase: Phase }) {
  if (!phase.markdown) {
    return (
      <Empty title={`No ${phase.phase} document yet`}>
        <p>It appears here once an attempt has passed its evaluation.</p>
        {phase.feedback ? <p className="mt-2 whitespace-pre-wrap">{phase.feedback}</p> : null}
      </Empty>
    );
  }
  return <Loaded sha256={phase.markdown.sha256} version={phase.version ?? null} />;
}

function Loaded({ sha256, version }: { sha256: string; version: number | null }) {
  const text = useQuery(artifactQuery(sha256));
  if (text.isPending) return <Loading what="the document" />;
  if (text.isError) return <Failure error={text.error} retry={() => text.refetch()} />;
  return (
    <article className="rounded-lg border border-line bg-surface p-5">
      <p className="mb-2 text-muted text-xs">
        version {version ?? "—"} · {sha256.slice(0, 12)}
      </p>
      <Suspense fallback={<Loading what="the document" />}>
        <Markdown text={text.data} />
      </Suspense>
    </article>
  );
}
