// What the tools of one turn work with: the boundary of its stage, the tools that it offers, their host, and the
// workspace's lock, taken with the first call that may write.

import { lockWorkspace } from "../workspace-lock.ts";
import { createToolHost } from "./tool-host.ts";
import type { AgentContext } from "../context.ts";
import type { AgentPorts, Boundary } from "../ports.ts";
import type { Turn } from "./turn.ts";
import type { WorkStage } from "../../types/plan.ts";
import type { ToolContext, ToolDefinition } from "../../types/tool.ts";

export interface TurnTools {
  boundary: Boundary;
  offered: readonly ToolDefinition[];
  /** What every call is handed; the call adds what depends on itself and on the model that reads its result. */
  context: Omit<ToolContext, "onOutput" | "acceptsImages">;
  /** Keeps other runs from writing in the workspace until the turn ends. @throws BmoError locked. */
  hold(): Promise<void>;
  /** The turn has ended. */
  release(): void;
}

export function createBoundary({ ports, state }: AgentContext, stage: WorkStage): Boundary {
  const { plan, approval } = state.workflow;
  const boundary = ports.guard.boundary({
    stage,
    plan,
    approval,
    grants: () => state.grants,
    mode: state.permissionMode,
  });
  if (plan !== null)
    for (const grant of state.grants)
      if (grant.kind === "scope" && grant.plan === plan.hash) boundary.extendScope(grant.path, grant.action);
  return boundary;
}

/** Tools that a stage offers: nothing that writes while planning, whatever mode or flag is set. */
export async function offeredTools(
  { tools, skills }: AgentPorts["toolbox"],
  stage: WorkStage,
): Promise<ToolDefinition[]> {
  const hasSkills = (await skills.names()).length > 0;
  return tools.filter((tool) => tool.stages.includes(stage) && (tool.needs !== "skills" || hasSkills));
}

export async function createTurnTools(
  context: AgentContext,
  { number, stage, signal }: Pick<Turn, "number" | "stage" | "signal">,
): Promise<TurnTools> {
  const { ports, readDigests } = context;
  const { workspace, readRoots, searchPath } = ports.surroundings;
  const boundary = createBoundary(context, stage);
  let giveBack: (() => void) | null = null;
  return {
    boundary,
    offered: await offeredTools(ports.toolbox, stage),
    context: {
      workspace,
      searchPath,
      readRoots,
      commandSeconds: ports.settings.loaded().settings.options.shell.timeout_s,
      isProtected: (path) => boundary.isProtected(path),
      readFiles: readDigests,
      host: createToolHost(context, { number, stage, boundary, signal }),
      signal,
    },
    async hold() {
      giveBack ??= await lockWorkspace(context, signal);
    },
    release: () => giveBack?.(),
  };
}
