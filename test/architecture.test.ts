// The rules that keep the layout, held by a failing test instead of by prose (docs/architecture.md).

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "src");

const RANK: Record<string, number> = {
  types: 0,
  util: 1,
  plan: 2,
  config: 3,
  providers: 3,
  tools: 3,
  skills: 3,
  router: 3,
  permission: 3,
  containment: 3,
  prompts: 3,
  session: 3,
  ledger: 3,
  commands: 3,
  agent: 4,
  ui: 4,
  headless: 4,
  cli: 5,
  demo: 5,
};
/** Folders of a rank that a folder of the same or a higher rank may import, besides types and util. */
const ALLOWED: Record<string, string[]> = {
  session: ["plan"],
  containment: ["plan"],
  tools: ["plan"],
  commands: ["plan"],
  agent: ["plan", "session", "permission", "containment", "prompts", "skills"],
  ui: ["plan", "commands"],
  headless: ["plan", "commands"],
};
const LINE_LIMITS: Record<string, number> = { "ui/app.tsx": 150, "agent/agent.ts": 280, "cli/create-app.ts": 150 };

/** Ink's layout engine fetches its own code from a data URI, which the file's head explains. */
const EXCHANGES = ["ui/load-ink.ts"];
/** The public call runs code of the repository: test/config/library.test.ts. */
const PRIVATE_IMPORTS = ["config/read-file.ts -> cosmiconfig/dist/Explorer.js"];

interface SourceFile {
  path: string;
  folder: string;
  text: string;
  imports: { specifier: string; typeOnly: boolean }[];
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return relative(source, path) === join("demo", "sample") ? [] : listFiles(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function parse(path: string): SourceFile {
  const text = readFileSync(path, "utf8");
  const imports = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|import\(\s*"([^"]+)"\s*\)/g,
    ),
  ].map((match) => ({
    specifier: match[2] ?? match[3] ?? "",
    typeOnly: match[1] !== undefined,
  }));
  const path_ = relative(source, path);
  return { path: path_, folder: path_.split("/")[0] ?? "", text, imports };
}

const files = listFiles(source).map(parse);

function target(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return relative(source, resolve(source, dirname(file.path), specifier));
}

describe("layers", () => {
  test("every file stands in a known folder", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => RANK[file.folder] === undefined).map((file) => file.path)).toEqual([]);
  });

  test("imports go down the ranks, and sideways only where the table says so", () => {
    const wrong: string[] = [];
    for (const file of files) {
      for (const { specifier } of file.imports) {
        const to = target(file, specifier);
        if (to === undefined) continue;
        const folder = to.split("/")[0] ?? "";
        if (folder === file.folder || folder === "types") continue;
        const from = RANK[file.folder] ?? 9;
        const allowed =
          file.folder === "cli" || (folder === "util" && from > 1) || (ALLOWED[file.folder]?.includes(folder) ?? false);
        if (!allowed) wrong.push(`${file.path} -> ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("there is no import cycle", () => {
    const graph = new Map(
      files.map((file) => [
        file.path,
        file.imports.filter((one) => !one.typeOnly).flatMap((one) => target(file, one.specifier) ?? []),
      ]),
    );
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (path: string, trail: string[]): void => {
      if (state.get(path) === "done") return;
      if (state.get(path) === "open") {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
        return;
      }
      state.set(path, "open");
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, "done");
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });
});

describe("size", () => {
  test("no file grows above its limit", () => {
    const long = files
      .map((file) => ({ path: file.path, lines: file.text.split("\n").length - 1 }))
      .filter(({ path, lines }) => lines > (LINE_LIMITS[path] ?? 400));
    expect(long).toEqual([]);
  });
});

describe("ownership", () => {
  const only = (pattern: RegExp, allowed: (path: string) => boolean): string[] =>
    files
      .filter((file) => !allowed(file.path) && file.imports.some(({ specifier }) => pattern.test(specifier)))
      .map((file) => file.path);

  test("Ink and React only in ui/", () => {
    expect(only(/^(ink|react)(\/|$)/, (path) => path.startsWith("ui/"))).toEqual([]);
  });
  test("provider SDKs only in providers/", () => {
    expect(only(/^(@anthropic-ai\/sdk|openai)(\/|$)/, (path) => path.startsWith("providers/"))).toEqual([]);
  });
  test("child processes only through util/process.ts", () => {
    expect(only(/^(execa|(node:)?child_process)$/, (path) => path === "util/process.ts")).toEqual([]);
  });
  test("of a library only what its maker exports, and nothing that calls itself internal", () => {
    const offers = (specifier: string): boolean => {
      const [name = "", subpath] = /^((?:@[^/]+\/)?[^/]+)(?:\/(.+))?$/.exec(specifier)?.slice(1) ?? [];
      if (subpath === undefined) return true;
      const { exports } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as {
        exports?: Record<string, unknown>;
      };
      const isPrivate = /(^|\/)(internal|dist|src|_vendor)(\/|$)/.test(subpath);
      const matches = (pattern: string): boolean => {
        const [before = "", after] = pattern.split("*");
        const path = `./${subpath}`;
        return after === undefined ? path === pattern : path.startsWith(before) && path.endsWith(after);
      };
      return !isPrivate && Object.keys(exports ?? {}).some(matches);
    };
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(({ specifier }) => !/^([.#]|node:)/.test(specifier) && !offers(specifier))
        .map(({ specifier }) => `${file.path} -> ${specifier}`),
    );
    expect(wrong).toEqual(PRIVATE_IMPORTS);
  });
  test("no global is exchanged: other code of the same process uses it at the same time", () => {
    const exchange =
      /\bglobalThis\.\w+\s*=[^=]|\b(defineProperty|deleteProperty|assign|set)\(\s*(globalThis|process|console)\b|\b(console\.\w+|process\.env(\.\w+|\[[^\]]+\])|process\.(env|stdout|stderr|stdin)|\w+\.prototype\.\w+)\s*=[^=]/;
    expect(files.filter((file) => exchange.test(file.text)).map((file) => file.path)).toEqual(EXCHANGES);
  });
  test("util/ knows no plan, ticket or route", () => {
    const util = files.filter((file) => file.folder === "util");
    expect(util.filter((file) => /\b(plan|ticket|route|tier)s?\b/.test(file.path)).map((file) => file.path)).toEqual(
      [],
    );
    expect(
      util
        .filter((file) => file.imports.some(({ specifier }) => /types\/(plan|route)\.ts$/.test(specifier)))
        .map((file) => file.path),
    ).toEqual([]);
  });
  test("process.env and process.cwd() only in cli/ and config/", () => {
    const allowed = (path: string): boolean => path.startsWith("cli/") || path.startsWith("config/");
    expect(
      files
        .filter((file) => !allowed(file.path) && /\bprocess\.(env\b|cwd\()/.test(file.text))
        .map((file) => file.path),
    ).toEqual([]);
  });
  test("every tool and every slash command stands in its folder's list", () => {
    for (const folder of ["tools", "commands"]) {
      const index = files.find((file) => file.path === `${folder}/index.ts`);
      expect(index, `${folder}/index.ts`).toBeDefined();
      const listed = new Set(index?.imports.map(({ specifier }) => join(folder, specifier)));
      const missing = files
        .filter(
          (file) =>
            file.folder === folder &&
            /export const \w+(Tool|Command): (ToolDefinition|CommandDefinition)/.test(file.text),
        )
        .filter((file) => !listed.has(file.path))
        .map((file) => file.path);
      expect(missing).toEqual([]);
    }
  });
});

describe("subcommands", () => {
  test("every subcommand is in the list, under its name", () => {
    const list = files.find(({ path }) => path === "cli/subcommands.ts");
    const declared = files
      .filter(({ path }) => path.startsWith("cli/"))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/^export const (\w+Command)(?:: Subcommand(?:<[^\n]*>)?)? = /gm)].map(([, name = ""]) => ({
          path,
          name,
        })),
      );
    expect(declared.length).toBeGreaterThan(10);
    const lines = declared.map(({ path, name }) => {
      const word = name.replace(/Command$/, "");
      return `  ${word}: async () => (await import("./${path.replace("cli/", "")}")).${name},`;
    });
    expect(lines.filter((line) => !(list?.text ?? "").includes(line))).toEqual([]);
  });
});

describe("habits", () => {
  // `any` and non-null assertions are held by lint, which knows code from prose.
  test("no enum, no silenced compiler, no abandoned marks", () => {
    const wrong = files.filter((file) =>
      /^\s*(export )?(const )?enum |\b(TODO|FIXME|XXX)\b|@ts-(ignore|expect-error|nocheck)/m.test(file.text),
    );
    expect(wrong.map((file) => file.path)).toEqual([]);
  });
  test("every file begins with what it owns", () => {
    expect(files.filter((file) => !/^(\/\/|\/\*)/.test(file.text)).map((file) => file.path)).toEqual([]);
  });
  test("file names are kebab-case", () => {
    expect(
      files.filter((file) => !/^[a-z0-9-]+(\/[a-z0-9-]+)*\.tsx?$/.test(file.path)).map((file) => file.path),
    ).toEqual([]);
  });

  const list = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? list(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  const testsWith = (pattern: RegExp): string[] =>
    list(join(root, "test"))
      .filter(
        (path) =>
          /\.tsx?$/.test(path) && !path.endsWith("architecture.test.ts") && pattern.test(readFileSync(path, "utf8")),
      )
      .map((path) => relative(root, path));
  test("no test mocks a module of ours", () => {
    expect(testsWith(/vi\.(do)?mock\(\s*["'`]\.|vi\.spyOn\(/)).toEqual([]);
  });
  test("a test that the machine cannot run is left out, which is seen, and does not pass by returning", () => {
    expect(
      testsWith(/if \([^\n]*(hasBubblewrap|getuid|isRoot|\.missing|process\.platform)[^\n]*\)\s*(\{\s*)?return;/),
    ).toEqual([]);
  });
});
