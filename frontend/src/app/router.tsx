import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  useNavigate,
} from "@tanstack/react-router";
import { LaunchView } from "@/features/specs/launch-view";
import { type SpecSearch, SpecView, TABS } from "@/features/specs/spec-view";
import { SpecsView } from "@/features/specs/specs-view";
import { Empty, Failure } from "@/shared/ui/states";
import { Shell } from "./shell";

const root = createRootRoute({
  component: Shell,
  errorComponent: ({ error }) => (
    <Failure error={error instanceof Error ? error : new Error(String(error))} />
  ),
  notFoundComponent: () => (
    <Empty title="There is no such page">
      <p>
        <Link to="/" className="text-accent underline">
          Back to the specs
        </Link>
      </p>
    </Empty>
  ),
});

const specs = createRoute({ getParentRoute: () => root, path: "/", component: SpecsView });

const launch = createRoute({
  getParentRoute: () => root,
  path: "/new",
  component: function Launch() {
    const navigate = useNavigate();
    return (
      <LaunchView
        onLaunched={(projectId, specId) =>
          navigate({ to: "/projects/$projectId/specs/$specId", params: { projectId, specId } })
        }
      />
    );
  },
});

const spec = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/specs/$specId",
  validateSearch: (raw: Record<string, unknown>): SpecSearch => ({
    ...(TABS.some((tab) => tab === raw.tab) ? { tab: raw.tab as SpecSearch["tab"] & string } : {}),
    ...(typeof raw.phase === "string" ? { phase: raw.phase } : {}),
  }),
  component: function Spec() {
    const { specId } = spec.useParams();
    const search = spec.useSearch();
    const navigate = spec.useNavigate();
    return (
      <SpecView specId={specId} search={search} onSearch={(next) => navigate({ search: next })} />
    );
  },
});

export const router = createRouter({ routeTree: root.addChildren([specs, launch, spec]) });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
