// A real workspace in a temporary folder and a host that writes down what tools ask of it.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach } from "vitest";
import { tools } from "../../src/tools/index.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { ShellRequest, ShellResult, ToolContext, ToolOutput } from "../../src/types/tool.ts";

export interface Workspace {
  root: string;
  context: ToolContext;
  /** What the host was asked, in order. */
  asked: string[];
  /** Workspace-relative paths that the host refuses to have written. */
  refused: Map<string, string>;
  protectedPaths: Set<string>;
  readFiles: Map<string, string>;
  put(path: string, content: string | Uint8Array, mode?: number): string;
  bytes(path: string): string;
  /** Every entry below the workspace with kind, mode and content. */
  tree(): Record<string, string>;
  call(tool: string, input: JsonObject): Promise<ToolOutput>;
  /** Text of the result, prefixed with `ERROR ` where it is one. */
  text(tool: string, input: JsonObject): Promise<string>;
}

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

export function textOf(output: ToolOutput): string {
  const text = output.content
    .map((block) => (block.type === "text" ? block.text : `<${block.mediaType} ${block.data.length}>`))
    .join("\n");
  return (output.isError ? "ERROR " : "") + text;
}

export interface WorkspaceOptions {
  acceptsImages?: boolean;
  /** Empty: no ripgrep is found. */
  searchPath?: string;
  shell?: (request: ShellRequest) => Promise<ShellResult>;
  onPreImage?: (relativePath: string) => void;
}

export function createWorkspace(options: WorkspaceOptions = {}): Workspace {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "bmo-tools-")));
  made.push(base);
  const root = join(base, "workspace");
  mkdirSync(root);
  const asked: string[] = [];
  const refused = new Map<string, string>();
  const protectedPaths = new Set<string>();
  const readFiles = new Map<string, string>();
  const answer = (text: string): ToolOutput => {
    asked.push(text);
    return { content: [{ type: "text", text }], isError: false, display: [] };
  };
  const context: ToolContext = {
    workspace: root,
    readRoots: [],
    isProtected: (path) => protectedPaths.has(relative(root, path)),
    readFiles,
    acceptsImages: options.acceptsImages ?? true,
    ...(options.searchPath === undefined ? {} : { searchPath: options.searchPath }),
    onOutput: () => undefined,
    signal: new AbortController().signal,
    host: {
      storePlan: async (input) => answer(`plan ${JSON.stringify(input)}`),
      askQuestion: async (question, choices) => answer(`question ${question} ${choices.join("/")}`),
      requestReplan: async (reason) => answer(`replan ${reason}`),
      activateSkill: async (name) => answer(`skill ${name}`),
      runShell:
        options.shell ??
        (async () => {
          throw new Error("no shell in this test");
        }),
      checkWrite(path, action) {
        asked.push(`check ${action} ${relative(root, path)}`);
        const reason = refused.get(relative(root, path));
        return reason === undefined ? { allowed: true } : { allowed: false, reason };
      },
      async recordPreImage(path) {
        asked.push(`pre-image ${relative(root, path)}`);
        options.onPreImage?.(relative(root, path));
      },
    },
  };
  const call = async (name: string, input: JsonObject): Promise<ToolOutput> => {
    const tool = tools.find((one) => one.spec.name === name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    const parsed = tool.parse(input);
    if (!parsed.ok) return { content: [{ type: "text", text: parsed.message }], isError: true, display: [] };
    return tool.run(parsed.value, context);
  };
  return {
    root,
    context,
    asked,
    refused,
    protectedPaths,
    readFiles,
    call,
    text: async (name, input) => textOf(await call(name, input)),
    put(path, content, mode) {
      const full = join(root, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
      if (mode !== undefined) chmodSync(full, mode);
      return full;
    },
    bytes: (path) => readFileSync(join(root, path), "latin1"),
    tree() {
      const entries = readdirSync(base, { recursive: true, encoding: "utf8" }).sort();
      return Object.fromEntries(
        entries.map((path) => {
          const stat = lstatSync(join(base, path));
          const content = stat.isFile()
            ? readFileSync(join(base, path), "latin1")
            : stat.isSymbolicLink()
              ? `-> ${readlinkSync(join(base, path))}`
              : "";
          return [path, `${stat.mode.toString(8)} ${content}`];
        }),
      );
    },
  };
}
