/** Seconds between two instants as a person says it; `—` when one is unknown. */
export function duration(from: string | null | undefined, to: string | null | undefined): string {
  if (!from || !to) return "—";
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The time of day of an instant. */
export function clock(at: string): string {
  return new Date(at).toLocaleTimeString([], { hour12: false });
}

/** Date and time of an instant. */
export function moment(at: string): string {
  return new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** USD, or `—` when a price is unknown. */
export function usd(cost: string | number | null | undefined): string {
  return cost === null || cost === undefined ? "—" : `$${Number(cost).toFixed(2)}`;
}
