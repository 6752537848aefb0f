import createClient from "openapi-fetch";
import type { components, paths } from "./generated/schema";

export type Schemas = components["schemas"];

/** An answer of the API that is an error; `code` is what the UI decides by, never the text. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly requestId: string,
  ) {
    super(detail);
  }
}

export const client = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  fetch: (request) => globalThis.fetch(request),
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

function isProblem(value: unknown): value is Schemas["Problem"] {
  return typeof value === "object" && value !== null && "code" in value && "detail" in value;
}

/** The data of an answer, or an `ApiError`; a request that never arrived has status 0. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch {
    throw new ApiError(0, "offline", "The server cannot be reached.", "");
  }
  if (answer.data !== undefined) return answer.data;
  const problem = answer.error;
  if (isProblem(problem)) {
    const id = problem.request_id ?? "";
    throw new ApiError(answer.response.status, problem.code, problem.detail, id);
  }
  throw new ApiError(answer.response.status, "unexpected", "The server gave no answer.", "");
}
