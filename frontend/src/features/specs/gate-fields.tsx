import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { Button } from "@/shared/ui/button";
import { artifactQuery } from "./api";

const FIELD = "mt-1 w-full rounded-md border border-line bg-canvas p-2";
const MILLION = 1_000_000;

/** Comments on single items, such as REQ-002; each goes to the next attempt. */
export function CommentFields({
  comments,
  onChange,
}: {
  comments: Schemas["Comment"][];
  onChange: (comments: Schemas["Comment"][]) => void;
}) {
  const [item, setItem] = useState("");
  const [text, setText] = useState("");
  const add = () => {
    onChange([...comments, { item: item.trim(), text: text.trim() }]);
    setItem("");
    setText("");
  };
  return (
    <details className="mt-2 text-sm">
      <summary className="cursor-pointer text-muted">
        Comments on single items{comments.length > 0 ? ` (${comments.length})` : ""}
      </summary>
      <ul className="mt-1 space-y-1">
        {comments.map((comment) => (
          <li key={`${comment.item} ${comment.text}`}>
            <strong>{comment.item}</strong> {comment.text}
          </li>
        ))}
      </ul>
      <div className="mt-1 grid items-end gap-2 sm:grid-cols-[8rem_1fr_auto]">
        <label>
          <span className="text-muted">Item</span>
          <input
            value={item}
            placeholder="REQ-001"
            onChange={(change) => setItem(change.target.value)}
            className={FIELD}
          />
        </label>
        <label>
          <span className="text-muted">Comment</span>
          <input
            value={text}
            onChange={(change) => setText(change.target.value)}
            className={FIELD}
          />
        </label>
        <Button disabled={item.trim() === "" || text.trim() === ""} onClick={add}>
          Add
        </Button>
      </div>
    </details>
  );
}

/** The document as JSON, to be changed and approved as one's own; null while it is no JSON. */
export function DocumentField({
  sha256,
  onChange,
}: {
  sha256: string;
  onChange: (document: Record<string, unknown> | null) => void;
}) {
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState("");
  const stored = useQuery({ ...artifactQuery(sha256), enabled: open });
  const change = (value: string) => {
    try {
      onChange(JSON.parse(value) as Record<string, unknown>);
      setFault("");
    } catch (error) {
      onChange(null);
      setFault(error instanceof Error ? error.message : "This is no JSON.");
    }
  };
  return (
    <details className="mt-2 text-sm" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-muted">Edit the document and approve it</summary>
      {stored.data ? (
        <label className="block">
          <span className="text-muted">The document, as JSON</span>
          <textarea
            defaultValue={JSON.stringify(JSON.parse(stored.data), null, 1)}
            onChange={(event) => change(event.target.value)}
            rows={12}
            spellCheck={false}
            className={`${FIELD} font-mono text-xs`}
          />
        </label>
      ) : null}
      {fault ? <p className="text-bad">{fault}</p> : null}
    </details>
  );
}

/** New limits of a budget; null until one of them is a number. */
export function BudgetFields({
  onChange,
}: {
  onChange: (limits: Schemas["BudgetLimits-Input"] | null) => void;
}) {
  const [usd, setUsd] = useState("");
  const [millions, setMillions] = useState("");
  const tell = (nextUsd: string, nextMillions: string) => {
    setUsd(nextUsd);
    setMillions(nextMillions);
    const tokens = nextMillions === "" ? null : Math.round(Number(nextMillions) * MILLION);
    const given = nextUsd !== "" || nextMillions !== "";
    onChange(given ? { usd: nextUsd === "" ? null : nextUsd, tokens, wall_clock: null } : null);
  };
  return (
    <div className="mt-2 flex flex-wrap gap-2 text-sm">
      <label>
        <span className="text-muted">USD in all</span>
        <input
          type="number"
          min="0"
          step="0.01"
          value={usd}
          onChange={(change) => tell(change.target.value, millions)}
          className={FIELD}
        />
      </label>
      <label>
        <span className="text-muted">Million tokens in all</span>
        <input
          type="number"
          min="0"
          step="0.1"
          value={millions}
          onChange={(change) => tell(usd, change.target.value)}
          className={FIELD}
        />
      </label>
    </div>
  );
}
