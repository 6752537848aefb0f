import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { eventsQuery, questionsQuery, type SpecEvent, specQuery, tasksQuery } from "./api";
import { applyEvent, withQuestion } from "./reducer";

export type Connection = "live" | "reconnecting";

/**
 * Follows a spec's stream from `since` and patches the query cache; the browser itself
 * reconnects with `Last-Event-ID`. An effect, since a stream is not a fetch.
 */
export function useLive(specId: string, since: number): Connection {
  const cache = useQueryClient();
  const [connection, setConnection] = useState<Connection>("reconnecting");
  useEffect(() => {
    const stream = new EventSource(`/api/v1/specs/${specId}/stream?since=${since}`);
    stream.onopen = () => setConnection("live");
    stream.onerror = () => setConnection("reconnecting");
    stream.onmessage = (message) => {
      const event = JSON.parse(message.data) as SpecEvent;
      const question = event.view?.question;
      if (question) {
        cache.setQueryData(questionsQuery(specId).queryKey, (known) =>
          withQuestion(known, question),
        );
      }
      const spec = cache.getQueryData(specQuery(specId).queryKey);
      const tasks = cache.getQueryData(tasksQuery(specId).queryKey);
      const events = cache.getQueryData(eventsQuery(specId).queryKey);
      if (!spec || !tasks || !events) return;
      const next = applyEvent({ spec, tasks, events }, event);
      cache.setQueryData(specQuery(specId).queryKey, next.spec);
      cache.setQueryData(tasksQuery(specId).queryKey, next.tasks);
      cache.setQueryData(eventsQuery(specId).queryKey, next.events);
    };
    return () => stream.close();
  }, [cache, specId, since]);
  return connection;
}
