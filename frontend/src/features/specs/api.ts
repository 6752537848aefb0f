import { queryOptions } from "@tanstack/react-query";
import { client, type Schemas, unwrap } from "@/shared/api/client";

export type Spec = Schemas["SpecDetail"];
export type SpecSummary = Schemas["SpecView"];
export type Task = Schemas["TaskView"];
export type SpecEvent = Schemas["Event"];
export type Gate = Schemas["Gate"];
export type Phase = Schemas["PhaseView"];
export type Question = Schemas["Question"];

const PAGE = 500;

export const specsQuery = queryOptions({
  queryKey: ["specs"],
  queryFn: () => unwrap(client.GET("/api/v1/specs", { params: { query: { limit: 100 } } })),
});

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: () => unwrap(client.GET("/api/v1/projects", { params: { query: { limit: 100 } } })),
});

export const metaQuery = queryOptions({
  queryKey: ["meta"],
  queryFn: () => unwrap(client.GET("/api/v1/meta")),
  staleTime: Number.POSITIVE_INFINITY,
});

export const specQuery = (specId: string) =>
  queryOptions({
    queryKey: ["specs", specId],
    queryFn: () =>
      unwrap(client.GET("/api/v1/specs/{spec_id}", { params: { path: { spec_id: specId } } })),
  });

export const tasksQuery = (specId: string) =>
  queryOptions({
    queryKey: ["specs", specId, "tasks"],
    queryFn: async () => {
      const path = { spec_id: specId };
      return (await unwrap(client.GET("/api/v1/specs/{spec_id}/tasks", { params: { path } })))
        .items;
    },
  });

export const eventsQuery = (specId: string) =>
  queryOptions({
    queryKey: ["specs", specId, "events"],
    queryFn: async () => {
      const all: SpecEvent[] = [];
      let cursor = 0;
      for (;;) {
        const params = { path: { spec_id: specId }, query: { limit: PAGE, cursor } };
        const page = await unwrap(client.GET("/api/v1/specs/{spec_id}/events", { params }));
        all.push(...page.items);
        if (!page.next_cursor) return all;
        cursor = Number(page.next_cursor);
      }
    },
  });

export const pullRequestQuery = (specId: string) =>
  queryOptions({
    queryKey: ["specs", specId, "pull-request"],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/specs/{spec_id}/pull-request", {
          params: { path: { spec_id: specId } },
        }),
      ),
  });

/** An artifact's text; its address is its hash, so it never goes stale. */
export const artifactQuery = (sha256: string) =>
  queryOptions({
    queryKey: ["artifacts", sha256],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/artifacts/{sha256}", {
          params: { path: { sha256 } },
          parseAs: "text",
        }) as Promise<{ data?: string; error?: unknown; response: Response }>,
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const questionsQuery = (specId: string) =>
  queryOptions({
    queryKey: ["specs", specId, "questions"],
    queryFn: async () => {
      const path = { spec_id: specId };
      return (await unwrap(client.GET("/api/v1/specs/{spec_id}/questions", { params: { path } })))
        .items;
    },
  });

export interface Decision {
  kind: Schemas["DecisionKind"];
  note: string;
  comments?: Schemas["Comment"][];
  document?: Record<string, unknown>;
  budget?: Schemas["BudgetLimits-Input"];
}

export function decideGate(gate: Gate, decision: Decision) {
  return unwrap(
    client.POST("/api/v1/specs/{spec_id}/gates/{gate_id}/decision", {
      params: {
        path: { spec_id: gate.spec_id, gate_id: gate.id },
        header: { "idempotency-key": crypto.randomUUID() },
      },
      body: {
        kind: decision.kind,
        note: decision.note,
        comments: decision.comments ?? [],
        document: decision.document ?? null,
        budget: decision.budget ?? null,
        artifact_sha256: gate.document?.sha256 ?? null,
      },
    }),
  );
}

export function answerQuestion(questionId: string, answer: string) {
  return unwrap(
    client.POST("/api/v1/questions/{question_id}/answer", {
      params: {
        path: { question_id: questionId },
        header: { "idempotency-key": crypto.randomUUID() },
      },
      body: { answer },
    }),
  );
}

export function giveCommand(
  specId: string,
  name: Schemas["CommandName"],
  body: Partial<Schemas["CommandBody"]> = {},
) {
  return unwrap(
    client.POST("/api/v1/specs/{spec_id}/commands/{name}", {
      params: {
        path: { spec_id: specId, name },
        header: { "idempotency-key": crypto.randomUUID() },
      },
      body: { reason: "", keep_merged: false, use_draft: false, ...body },
    }),
  );
}

export function launchSpec(projectId: string, description: string, key: string) {
  return unwrap(
    client.POST("/api/v1/specs/launch", {
      params: { header: { "idempotency-key": key } },
      body: { project_id: projectId, description, auto_execute: true, answers: [] },
    }),
  );
}

export type TaskCommand = Schemas["TaskCommandName"];

const COMMIT = /^[0-9a-f]{40}$/;

/** A command on a task; a whole commit id is sent as the commit that did it. */
export function commandTask(taskId: string, name: TaskCommand, text: string) {
  const words = text.trim();
  const commit = name === "complete" && COMMIT.test(words) ? words : undefined;
  return unwrap(
    client.POST("/api/v1/tasks/{task_id}/commands/{name}", {
      params: {
        path: { task_id: taskId, name },
        header: { "idempotency-key": crypto.randomUUID() },
      },
      body: commit ? { text: "", commit } : { text: words },
    }),
  );
}
