import { CircleAlert, Inbox } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "@/shared/api/client";
import { Button } from "./button";

/** Shown after 150 ms, so that a fast answer does not flicker. */
export function Loading({ what }: { what: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div role="status" className="animate-pulse space-y-3 py-6">
      <span className="sr-only">Loading {what}</span>
      <div className="h-5 w-1/3 rounded bg-raised" />
      <div className="h-4 w-2/3 rounded bg-raised" />
      <div className="h-4 w-1/2 rounded bg-raised" />
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-lg border border-line border-dashed p-8 text-center text-muted">
      <Inbox className="mx-auto mb-2" aria-hidden size={22} />
      <p className="font-medium text-ink">{title}</p>
      {children}
    </div>
  );
}

const WORDS: Record<string, string> = {
  offline: "You are offline, or the server is. What you see may be old.",
  "database-unavailable": "The database is away for a moment.",
  "temporal-unavailable": "The workflow engine is away for a moment.",
};

export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  const known = error instanceof ApiError ? error : undefined;
  const missing = known?.status === 404;
  const text = (known && WORDS[known.code]) ?? error.message;
  return (
    <div role="alert" className="rounded-lg border border-line bg-surface p-6">
      <p className="flex items-center gap-2 font-medium text-bad">
        <CircleAlert aria-hidden size={18} />
        {missing ? "This is not here" : "This did not work"}
      </p>
      <p className="mt-1 text-muted">{text}</p>
      {known?.requestId ? (
        <p className="mt-1 text-muted text-xs">request {known.requestId}</p>
      ) : null}
      {retry && !missing ? (
        <Button className="mt-3" onClick={retry}>
          Try again
        </Button>
      ) : null}
    </div>
  );
}
