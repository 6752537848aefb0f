import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/shared/ui/button";
import { answerQuestion, type Question, questionsQuery } from "./api";

const WORDS = { open: "waits for you", answered: "answered", assumed: "assumed" } as const;

/** What explore and agents ask; an agent waits for its answer. Nothing is shown without questions. */
export function QuestionsPanel({ specId }: { specId: string }) {
  const questions = useQuery(questionsQuery(specId));
  const items = questions.data ?? [];
  if (items.length === 0) return null;
  return (
    <section aria-label="Questions" className="rounded-lg border border-line bg-surface p-4">
      <h2 className="font-semibold">Questions</h2>
      <ul className="mt-2 space-y-3">
        {items.map((question) => (
          <Asked key={`${question.id} ${question.status}`} question={question} />
        ))}
      </ul>
    </section>
  );
}

function Asked({ question }: { question: Question }) {
  const [answer, setAnswer] = useState("");
  const sent = useMutation({ mutationFn: () => answerQuestion(question.id, answer) });
  const status = question.status ?? "open";
  return (
    <li className="text-sm">
      <p>
        <strong>{question.text}</strong>{" "}
        <span className={status === "open" ? "text-ask" : "text-muted"}>{WORDS[status]}</span>
      </p>
      {status === "open" ? (
        <>
          <p className="text-muted">
            Assumed otherwise: {question.assumed_answer}
            {question.deadline ? ` (from ${new Date(question.deadline).toLocaleString()})` : ""}
          </p>
          {(question.options ?? []).length > 0 ? (
            <div className="mt-1 flex flex-wrap gap-2">
              {(question.options ?? []).map((option) => (
                <Button key={option} onClick={() => setAnswer(option)}>
                  {option}
                </Button>
              ))}
            </div>
          ) : null}
          <div className="mt-1 flex flex-wrap items-end gap-2">
            <label className="min-w-0 flex-1">
              <span className="text-muted">Your answer</span>
              <input
                value={answer}
                onChange={(change) => setAnswer(change.target.value)}
                className="mt-1 w-full rounded-md border border-line bg-canvas p-2"
              />
            </label>
            <Button disabled={answer.trim() === "" || sent.isPending} onClick={() => sent.mutate()}>
              Answer
            </Button>
          </div>
          {sent.isError ? (
            <p role="alert" className="text-bad">
              {sent.error.message}
            </p>
          ) : null}
        </>
      ) : (
        <p>{question.answer}</p>
      )}
    </li>
  );
}
