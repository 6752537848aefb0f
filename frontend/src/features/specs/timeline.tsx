import { useEffect, useRef, useState } from "react";
import { clock } from "@/shared/time";
import { Button } from "@/shared/ui/button";
import { Empty } from "@/shared/ui/states";
import type { SpecEvent } from "./api";
import { eventLine } from "./event-line";

const SHOWN = 300;

export function Timeline({ events }: { events: SpecEvent[] }) {
  const [paused, setPaused] = useState<number | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const visible = paused === null ? events : events.filter((event) => event.seq <= paused);
  const last = visible.at(-1)?.seq ?? 0;
  const buffered = events.length - visible.length;
  useEffect(() => {
    const element = list.current;
    if (element && paused === null && last > 0) element.scrollTop = element.scrollHeight;
  }, [last, paused]);
  if (events.length === 0) return <Empty title="Nothing has happened yet" />;
  return (
    <section aria-label="Timeline" className="min-w-0 rounded-lg border border-line bg-surface">
      <header className="flex items-center justify-between border-line border-b px-3 py-2">
        <h2 className="font-semibold">Timeline</h2>
        <Button onClick={() => setPaused(paused === null ? last : null)}>
          {paused === null ? "Pause" : buffered > 0 ? `Resume, ${buffered} new` : "Resume"}
        </Button>
      </header>
      <ol
        ref={list}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls is reached by keyboard
        tabIndex={0}
        className="max-h-[32rem] overflow-y-auto px-3 py-2 text-sm"
      >
        {visible.length > SHOWN ? (
          <li className="text-muted text-xs">{visible.length - SHOWN} earlier events</li>
        ) : null}
        {visible.slice(-SHOWN).map((event) => (
          <li key={event.seq} className="flex gap-3 py-1" data-seq={event.seq}>
            <time className="shrink-0 text-muted text-xs leading-5" dateTime={event.created_at}>
              {clock(event.created_at)}
            </time>
            <span className="w-24 shrink-0 truncate text-muted text-xs leading-5">
              {event.phase ?? event.event_type.split(".")[0]}
            </span>
            <span className="min-w-0 break-words">{eventLine(event)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
