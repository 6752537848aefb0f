import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/shared/ui/button";
import { commandTask, type Task, type TaskCommand } from "./api";

// `start` and `stop` do here what `retry` and `cancel` do.
const WORDS: Partial<Record<TaskCommand, string>> = {
  message: "Tell the agent",
  cancel: "Cancel task",
  retry: "Retry",
  skip: "Leave out",
  complete: "Mark complete",
  extend: "Wait 30 minutes longer",
};

/** What a person may tell a task's agent, or do with the task; nothing is shown when that is nothing. */
export function TaskControls({ task }: { task: Task }) {
  const [text, setText] = useState("");
  const given = useMutation({
    mutationFn: (name: TaskCommand) => commandTask(task.id, name, text),
    onSuccess: () => setText(""),
  });
  const offered = (task.allowed_actions ?? [])
    .filter((action) => action.enabled)
    .map((action) => action.id as TaskCommand)
    .filter((name) => name in WORDS);
  if (offered.length === 0) return null;
  const commit = offered.includes("complete");
  return (
    <details className="mt-1 text-xs">
      <summary className="cursor-pointer text-muted">Tell or change</summary>
      <label className="mt-1 block">
        <span className="text-muted">
          {commit ? "Note, or the commit that did it (40 characters)" : "Message or note"}
        </span>
        <input
          value={text}
          onChange={(change) => setText(change.target.value)}
          className="mt-1 w-full rounded-md border border-line bg-canvas p-2"
        />
      </label>
      <div className="mt-1 flex flex-wrap gap-2">
        {offered.map((name) => (
          <Button
            key={name}
            disabled={given.isPending || (name === "message" && text.trim() === "")}
            onClick={() => given.mutate(name)}
          >
            {WORDS[name]}
          </Button>
        ))}
      </div>
      {given.isError ? (
        <p role="alert" className="text-bad">
          {given.error.message}
        </p>
      ) : null}
    </details>
  );
}
