// The composition root of a session: builds every part by hand and gives front ends an agent with what commands need.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createAgent } from "../agent/agent.ts";
import { projectContext } from "../agent/project-context.ts";
import { initialWorkflow, reduceWorkflow } from "../plan/workflow.ts";
import { costText } from "../ledger/report.ts";
import { createRouter } from "../router/index.ts";
import { historySignals } from "../router/history.ts";
import type { ReplayedSession } from "../session/replay.ts";
import { copySession, createSession, resumeSession } from "../session/store.ts";
import { tools } from "../tools/index.ts";
import { BmoError } from "../util/errors.ts";
import { createAccounting } from "./accounting.ts";
import { createCommandServices } from "./command-services.ts";
import { createFileLog } from "./file-log.ts";
import { createImageReader } from "./images.ts";
import { isClosedToProject } from "./closed-paths.ts";
import { scriptedNotice } from "./scripted-notice.ts";
import { createSkills } from "./skills.ts";
import { ownPath, wireContainment, type Containment } from "./wire-containment.ts";
import type { App } from "./app.ts";
import type { SessionChoice } from "./choose-session.ts";
import type { Agent } from "../types/agent.ts";
import type { CommandContext } from "../types/command.ts";
import type { AgentEvent } from "../types/event.ts";
import type { ImageBlock } from "../types/message.ts";
import type { ModelRegistry } from "../types/provider.ts";
import type { Ask } from "../types/permission.ts";
import type { SessionLog } from "../types/session.ts";

export interface OpenRequest {
  session: SessionChoice;
  ask: Ask;
  headless: boolean;
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

/** Looks up the keys in use before anything is stored: the first text of a session may carry one. */
function learnKeys(app: App): void {
  try {
    app.registry();
  } catch (thrown) {
    // What is wrong with a provider is said where it is first needed; commands work without.
    if (!(thrown instanceof BmoError)) throw thrown;
  }
}

function openLog(
  app: App,
  session: SessionChoice,
): { log: SessionLog; restored: ReplayedSession | null; workspace: string; notices: string[] } {
  learnKeys(app);
  const options = { now: () => new Date(), redact: app.redactor.redact };
  const rules = {
    reduce: reduceWorkflow,
    initial: initialWorkflow(app.loaded().settings.options.staged_workflow.enabled),
  };
  if (session.kind === "new")
    return {
      log: createSession({ ...options, rules, dataDirectory: app.dataDirectory, workspace: app.workspace }),
      restored: null,
      workspace: app.workspace,
      notices: [],
    };
  const { path, notices } = session.fork
    ? copySession(session.path, { ...options, dataDirectory: app.dataDirectory })
    : { path: session.path, notices: [] };
  const opened = resumeSession(path, options, rules);
  return {
    log: opened.log,
    restored: opened.restored,
    workspace: opened.header.workspace,
    notices: [...notices, ...opened.notices, ...opened.restored.notices],
  };
}

/** The registry of the configuration in force: an edited file makes a new one. */
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
  const { log, restored, workspace: sessionWorkspace, notices } = openLog(app, request.session);
  const containment = await wireContainment(app, log.id, request.ask);
  const skills = createSkills(app);
  const { routerTables } = await import("./router-parts.ts");
  const registry = followRegistry(app);
  const readImage = createImageReader(app);
  const accounting = createAccounting(app, restored);

  const agent = createAgent({
    session: {
      log,
      restored,
      workspace: sessionWorkspace,
      workflowByFlag: app.line.plan !== null || app.line.permissionMode === "plan",
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
      maxCalls: app.line.maxTurns,
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
    transcript: () => restored?.transcript ?? [],
    skillNames: () => skills.names(),
    containment,
    readImage,
    async readImages(prompt) {
      const paths = [...prompt.matchAll(/(?:^|\s)@(\S+\.(?:png|jpe?g|gif|webp))\b/gi)].map((match) => match[1] ?? "");
      const images = await Promise.all(paths.map((path) => readImage(join(app.workspace, path))));
      return images.flatMap((image) => (image === null ? [] : [image]));
    },
  };
}
