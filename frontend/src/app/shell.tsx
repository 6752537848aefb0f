import { Link, Outlet } from "@tanstack/react-router";
import { ListChecks, Moon, Plus, Sun } from "lucide-react";
import { useState } from "react";
import { Button } from "@/shared/ui/button";
import { chooseTheme, currentTheme } from "./theme";

const LINK =
  "inline-flex items-center gap-1.5 rounded-md px-3 py-1.5 text-sm font-medium hover:bg-raised";

export function Shell() {
  const [theme, setTheme] = useState(currentTheme);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <div className="min-h-screen">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-surface focus:p-2"
      >
        Skip to content
      </a>
      <header className="border-line border-b bg-surface">
        <div className="mx-auto flex max-w-6xl items-center gap-2 px-4 py-2">
          <Link to="/" className="mr-2 font-semibold">
            Specwright
          </Link>
          <nav aria-label="Main" className="flex gap-1">
            <Link to="/" className={LINK}>
              <ListChecks size={16} aria-hidden /> Specs
            </Link>
            <Link to="/new" className={LINK}>
              <Plus size={16} aria-hidden /> New
            </Link>
          </nav>
          <Button
            className="ml-auto"
            aria-label={`Use the ${other} theme`}
            onClick={() => {
              chooseTheme(other);
              setTheme(other);
            }}
          >
            {theme === "dark" ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
          </Button>
        </div>
      </header>
      <main id="main" className="mx-auto max-w-6xl px-4 py-6">
        <Outlet />
      </main>
    </div>
  );
}
