import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Empty, Failure, Loading } from "@/shared/ui/states";
import { pullRequestQuery, type Spec } from "./api";

const Markdown = lazy(() => import("./markdown"));

export function ChangesView({ spec }: { spec: Spec }) {
  if (!spec.pull_request_number) {
    return (
      <Empty title="No pull request yet">
        <p>It is opened when every task is merged and the final check is green.</p>
      </Empty>
    );
  }
  return <PullRequestView specId={spec.id} />;
}

function PullRequestView({ specId }: { specId: string }) {
  const found = useQuery(pullRequestQuery(specId));
  if (found.isPending) return <Loading what="the pull request" />;
  if (found.isError) return <Failure error={found.error} retry={() => found.refetch()} />;
  const request = found.data;
  return (
    <article className="rounded-lg border border-line bg-surface p-5">
      <h2 className="font-semibold text-lg">
        #{request.number} {request.title}
      </h2>
      <p className="mb-3 break-all text-muted text-sm">
        {request.branch} → {request.base_branch} · {request.head.slice(0, 10)} · {request.state}{" "}
        (local record)
      </p>
      <Suspense fallback={<Loading what="the text" />}>
        <Markdown text={request.body} />
      </Suspense>
    </article>
  );
}
