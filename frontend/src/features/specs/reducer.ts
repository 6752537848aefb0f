import type { Question, Spec, SpecEvent, Task } from "./api";

/** What a spec page shows: the server's own views, put in place of the old by each event. */
export interface SpecPageState {
  spec: Spec;
  tasks: Task[];
  events: SpecEvent[];
}

/** Apply one event; a known `seq` changes nothing, so repeats and overlaps are harmless. */
export function applyEvent(state: SpecPageState, event: SpecEvent): SpecPageState {
  const known = state.events.some((seen) => seen.seq === event.seq);
  const events = known
    ? state.events
    : [...state.events, event].sort((left, right) => left.seq - right.seq);
  const view = event.view;
  const fresh = view?.spec && (view.spec.as_of_seq ?? 0) > (state.spec.as_of_seq ?? 0);
  const spec: Spec = fresh && view.spec ? { ...state.spec, ...view.spec } : state.spec;
  const tasks = view?.task ? withTask(state.tasks, view.task) : state.tasks;
  return { spec, tasks, events };
}

function withTask(tasks: Task[], task: Task): Task[] {
  const before = tasks.find((other) => other.id === task.id);
  if (before && (before.as_of_seq ?? 0) >= (task.as_of_seq ?? 0)) return tasks;
  const others = tasks.filter((other) => other.id !== task.id);
  return [...others, task].sort((left, right) => left.position - right.position);
}

/** Put a question in the place of what was known of it; new ones come last. */
export function withQuestion(known: Question[] | undefined, question: Question): Question[] {
  const before = known ?? [];
  return before.some((other) => other.id === question.id)
    ? before.map((other) => (other.id === question.id ? question : other))
    : [...before, question];
}
