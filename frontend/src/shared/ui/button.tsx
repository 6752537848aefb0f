import type { ButtonHTMLAttributes } from "react";

type Kind = "primary" | "plain" | "danger";

const LOOKS: Record<Kind, string> = {
  primary: "bg-accent text-accent-ink border-transparent hover:opacity-90",
  plain: "bg-surface text-ink border-line hover:bg-raised",
  danger: "bg-surface text-bad border-line hover:bg-raised",
};

export function Button({
  kind = "plain",
  className = "",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { kind?: Kind }) {
  return (
    <button
      type="button"
      className={`inline-flex items-center gap-1.5 rounded-md border px-3 py-1.5 font-medium text-sm transition disabled:cursor-not-allowed disabled:opacity-50 ${LOOKS[kind]} ${className}`}
      {...rest}
    />
  );
}
