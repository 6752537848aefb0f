import { StateBadge } from "@/shared/ui/badge";
import { Empty } from "@/shared/ui/states";
import type { Task } from "./api";
import { TaskControls } from "./task-controls";

export function TasksTable({ tasks }: { tasks: Task[] }) {
  if (tasks.length === 0) {
    return (
      <Empty title="No tasks yet">
        <p>They appear when the plan has passed SYNC.</p>
      </Empty>
    );
  }
  return (
    <section
      aria-label="Tasks"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
      tabIndex={0}
      className="overflow-x-auto rounded-lg border border-line bg-surface"
    >
      <table className="w-full text-left text-sm">
        <thead className="text-muted">
          <tr className="border-line border-b">
            <th className="p-3 font-medium">Task</th>
            <th className="p-3 font-medium">State</th>
            <th className="p-3 font-medium">Check</th>
            <th className="p-3 font-medium">Commit</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.id} className="border-line border-b align-top last:border-0">
              <td className="min-w-56 p-3">
                <span className="font-medium">{task.local_id}</span> {task.title}
                <span className="block text-muted text-xs">
                  {(task.depends_on ?? []).length > 0
                    ? `after ${(task.depends_on ?? []).join(", ")} · `
                    : ""}
                  {task.turns} turns{(task.round ?? 0) > 1 ? ` · round ${task.round}` : ""}
                  {task.last_line ? ` · ${task.last_line}` : ""}
                </span>
                {task.reason ? (
                  <span className="block text-warn text-xs">{task.reason.slice(0, 200)}</span>
                ) : null}
                <TaskControls task={task} />
              </td>
              <td className="p-3">
                <StateBadge state={task.state ?? "queued"} />
              </td>
              <td className="whitespace-nowrap p-3">
                {task.check
                  ? `${task.check.passed ? "green" : "red"}${task.check.tests ? `, ${task.check.tests} tests` : ""}`
                  : "—"}
                {(task.check?.tampering ?? []).length > 0 ? (
                  <span className="block text-warn text-xs">the change bends the check</span>
                ) : null}
                {(task.sandbox_seconds ?? 0) > 0 ? (
                  <span className="block text-muted text-xs">
                    {Math.round(task.sandbox_seconds ?? 0)} s of sandbox
                  </span>
                ) : null}
              </td>
              <td className="p-3 font-mono text-xs">{task.commit?.slice(0, 10) ?? "—"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
