// What slash commands need beyond the agent: configuration, models, sessions, skills, changes.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { offeredTools } from "../agent/turn/turn-tools.ts";
import { userConfigPath } from "../config/paths.ts";
import { configRows } from "../config/show.ts";
import { EXIT } from "../types/error.ts";
import { tools } from "../tools/index.ts";
import { explainRoute } from "../router/explain.ts";
import { modelLabel } from "../util/model-label.ts";
import { listSessions } from "../session/list.ts";
import type { App } from "./app.ts";
import type { SkillService } from "./skills.ts";
import type { Containment } from "./wire-containment.ts";
import type { Agent } from "../types/agent.ts";
import type { CommandServices } from "../types/command.ts";

export interface ServiceParts {
  agent: Agent;
  skills: SkillService;
  containment: Containment;
  costText: CommandServices["costText"];
}

function nearestProjectFile(workspace: string): string {
  for (let folder = workspace; ; folder = dirname(folder)) {
    for (const name of ["AGENTS.md", "CLAUDE.md"]) if (existsSync(join(folder, name))) return join(folder, name);
    if (existsSync(join(folder, ".git")) || dirname(folder) === folder) return join(workspace, "AGENTS.md");
  }
}

export function createCommandServices(app: App, parts: ServiceParts): CommandServices {
  const { checkpoints } = parts.containment;
  return {
    loaded: app.loaded,
    registry: app.registry,
    sessions: () => Promise.resolve(listSessions(app.dataDirectory, { workspace: app.workspace })),
    async writeUserSetting(key, value) {
      const { setUserSetting } = await import("../config/write.ts");
      const path = userConfigPath(app.environment, app.home ?? "");
      await setUserSetting(path, key, value);
      await app.reload(true);
      return path;
    },
    skills: () => parts.skills.list(),
    async diff() {
      const { changesText } = await import("./checkpoint-command.ts");
      return changesText(checkpoints.diff(null));
    },
    async undo(argument) {
      const { undoText } = await import("./checkpoint-command.ts");
      const result = await parts.containment.undo(argument.trim() === "all" ? "all" : "last");
      return { text: undoText(result), exitCode: result.refused.length > 0 ? EXIT.denied : EXIT.done };
    },
    async tools() {
      const { stage } = parts.agent.state().workflow;
      const offered = await offeredTools({ tools, skills: parts.skills }, stage);
      return tools.map((tool) => ({
        name: tool.spec.name,
        access: tool.access,
        description: tool.spec.description,
        offered: offered.includes(tool),
      }));
    },
    projectFile() {
      const path = nearestProjectFile(app.workspace);
      return { path, exists: existsSync(path) };
    },
    explainRoute(route) {
      const { settings } = app.loaded();
      const candidates = route.candidates.map((one) => ({ ...one, model: modelLabel(one.model, settings) }));
      return explainRoute({ ...route, model: modelLabel(route.model, settings), candidates });
    },
    costText: (entries) =>
      parts.costText(entries.map((entry) => ({ ...entry, model: modelLabel(entry.model, app.loaded().settings) }))),
    projectRules: () => ({ path: app.projectRules.path, rules: app.projectRules.list() }),
    async forgetProjectRule(rule) {
      const removed = app.projectRules.remove(rule);
      if (removed) await app.reload(true);
      return removed;
    },
    configRows: () => configRows(app.loaded()).map(({ key, value }) => ({ key, value })),
    configText() {
      const { settings, origins, files } = app.loaded();
      const named = Object.entries(origins)
        .filter(([, origin]) => origin !== "default")
        .map(([key, origin]) => `${key}  (${origin})`);
      return [
        `files: ${files.join(", ") || "none"}`,
        `model: ${settings.model ?? "chosen by credentials"}`,
        ...named,
        "bmo config show prints every value.",
      ].join("\n");
    },
  };
}
