// The composition root of a session: builds every part by hand and gives front ends an agent with what commands need.

import { randomBytes } from "node:crypto";
import { createAgent } from "../agent/agent.ts";
import { projectContext } from "../agent/project-context.ts";
import { costText } from "../ledger/report.ts";
import { createRouter } from "../router/index.ts";
import { historySignals } from "../router/history.ts";
import { tools } from "../tools/index.ts";
import { onceOnly } from "../util/once-only.ts";
import { createAccounting } from "./accounting.ts";
import { createCommandServices } from "./command-services.ts";
import { createImageReader, readNamedImages } from "./images.ts";
import { isClosedToProject } from "./closed-paths.ts";
import { createFileLog, openSession } from "./open-session.ts";
import { createSkills } from "./skills.ts";
import { ownPath, wireContainment, type Containment } from "./wire-containment.ts";
import type { App } from "./app.ts";
import type { SessionChoice } from "./choose-session.ts";
import type { RunLine } from "./run-line.ts";
import type { Agent } from "../types/agent.ts";
import type { CommandContext } from "../types/command.ts";
import type { AgentEvent } from "../types/event.ts";
import type { ImageBlock } from "../types/message.ts";
import type { ModelRegistry } from "../types/provider.ts";
import type { Ask } from "../types/permission.ts";

export interface OpenRequest {
  session: SessionChoice;
  ask: Ask;
  headless: boolean;
  limits: RunLine["limits"];
}

export interface OpenedAgent {
  agent: Agent;
  context: CommandContext;
  notices: string[];
  transcript(): AgentEvent[];
  skillNames(): Promise<string[]>;
  readImage(path: string): Promise<ImageBlock | null>;
  containment: Containment;
  /** Images that a prompt names as `@path`. */
  readImages(prompt: string): Promise<ImageBlock[]>;
}

/** Says which providers replay replies from a file: they must not pass for models. */
function scriptedNotice(app: App): string[] {
  const providers = Object.entries(app.loaded().settings.providers);
  const scripted = providers.flatMap(([id, { type }]) => (type === "script" ? [id] : []));
  const names = scripted.join(", ");
  return scripted.length === 0 ? [] : [`scripted, not a model: what ${names} answers is replayed from a file`];
}

/** The registry of the present configuration: an edited file makes a new one. */
function followRegistry(app: App, quiet = false): ModelRegistry {
  return {
    list: () => app.registry().list(),
    providers: () => app.registry().providers(),
    resolve: (name, where, silently = false) => app.registry().resolve(name, where, quiet || silently),
    provider: (model) => app.registry().provider(model),
  };
}

/** @throws BmoError usage, configuration: nothing has been asked of a provider then. */
export async function openAgent(app: App, request: OpenRequest): Promise<OpenedAgent> {
  const { log, workspace: sessionWorkspace, notices, transcript } = openSession(app, request.session);
  const containment = await wireContainment(app, log.id, request.ask);
  const skills = createSkills(app);
  const { routerTables } = await import("./router-parts.ts");
  const registry = followRegistry(app);
  const readImage = createImageReader(app);
  const accounting = createAccounting(app, log, request.limits.budgetUsd);

  const agent = createAgent({
    session: {
      log,
      workspace: sessionWorkspace,
      workflowByFlag: app.flags.plan !== null || app.flags.permissionMode === "plan",
      flagOverrides: app.flagOverrides(),
      writeLog: createFileLog(log.path, app),
    },
    settings: { loaded: app.loaded, reload: () => app.reload() },
    models: {
      registry,
      router: createRouter({ registry, ...routerTables }),
      // Looking ahead must not use up what the next turn has to say.
      previewRouter: createRouter({ registry: followRegistry(app, true), ...routerTables }),
      historySignals,
      accounting,
      maxCalls: request.limits.modelCalls,
    },
    guard: containment.guard,
    person: {
      ask: request.ask,
      async allowInProject(rule) {
        app.projectRules.add(rule);
        await app.reload(true);
      },
      headless: request.headless,
    },
    surroundings: {
      workspace: app.workspace,
      readRoots: app.readRoots,
      searchPath: ownPath(app),
      dataDirectory: app.dataDirectory,
      platform: process.platform,
      projectContext: () =>
        projectContext({
          workspace: app.workspace,
          home: app.home,
          isClosed: (path, root) => isClosedToProject(app, path, root),
        }),
      now: () => new Date(),
      newId: (prefix) => `${prefix}_${randomBytes(6).toString("hex")}`,
    },
    redaction: { redact: app.redactor.redact, stream: app.redactor.stream },
    toolbox: { tools, skills },
  });

  return {
    agent,
    context: {
      agent,
      services: createCommandServices(app, {
        agent,
        skills,
        containment,
        costText: (entries) => costText(entries, accounting.totals(entries)),
      }),
      headless: request.headless,
      ask: request.ask,
    },
    notices: [...app.loaded().notices, ...scriptedNotice(app), ...notices, ...containment.notices],
    transcript: onceOnly(transcript),
    skillNames: () => skills.names(),
    containment,
    readImage,
    readImages: (prompt) => readNamedImages(prompt, app.workspace, readImage),
  };
}
