const TONES: Record<string, string> = {
  executing: "text-accent",
  working: "text-accent",
  provisioning: "text-accent",
  checking: "text-accent",
  merging: "text-accent",
  completed: "text-good",
  merged: "text-good",
  waiting: "text-ask",
  paused: "text-warn",
  blocked: "text-warn",
  failed: "text-bad",
  cancelled: "text-muted",
};

/** A state in words; colour only repeats it. */
export function StateBadge({ state }: { state: string }) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 whitespace-nowrap font-medium text-sm ${TONES[state] ?? "text-muted"}`}
    >
      <span aria-hidden className="size-2 rounded-full bg-current" />
      {state}
    </span>
  );
}
