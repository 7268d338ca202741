// Files that are watched whatever .gitignore says: what others run without being asked, and credentials of any size and
// number.

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { contain, createPlace, NO_SANDBOX, planOf, sandboxFor, type Place } from "./fixture.ts";
import { needBubblewrap } from "../support/need.ts";

const bubblewrap = needBubblewrap();
const places: Place[] = [];
afterEach(() => places.splice(0).forEach((place) => place.remove()));

const WAYS = [
  ["with a sandbox", true],
  ["without a sandbox", false],
] as const;

/** Everything but src is ignored. */
const SINGLE = [
  ".envrc.local",
  ".tool-versions",
  "mise.toml",
  "lefthook-local.yml",
  ".pre-commit-config.yaml",
  ".gdbinit",
  ".dir-locals.el",
  "shared.gitconfig",
  ".pnp.cjs",
];
/** In folders of which every file is watched, also one that is new. */
const IN_FOLDERS = [
  ".husky/_/pre-commit",
  ".husky/pre-commit",
  "hooks/pre-commit",
  ".vscode/tasks.json",
  ".vscode/deep/settings.json",
  ".idea/workspace.xml",
  ".direnv/bin/x",
  "packages/one/.vscode/tasks.json",
  "node_modules/.bin/tsc",
  "packages/one/node_modules/.bin/tsc",
  ".venv/bin/activate",
  "venv/bin/python",
  ".yarn/releases/yarn.cjs",
];

function ignoringPlace(): Place {
  const place = createPlace({ "src/a.txt": "a\n", ".gitignore": "*\n!src/\n!src/**\n!.gitignore\n" });
  places.push(place);
  for (const path of [...SINGLE, ...IN_FOLDERS]) place.write(path, "before\n");
  for (const folder of [".venv", "venv"]) place.write(`${folder}/pyvenv.cfg`, "home = /usr\n");
  symlinkSync("../typescript/bin/tsc", join(place.workspace, "node_modules/.bin/linked"));
  place.git("config", "core.hooksPath", "hooks");
  place.git("config", "include.path", "../shared.gitconfig");
  return place;
}

const overwrite = (paths: readonly string[]): string =>
  paths.map((path) => `rm -f ${path}; echo evil > ${path}; echo evil > ${path}.new`).join("\n");

describe.each(WAYS)("ignored files that others run, %s", (_name, sandboxed) => {
  test.skipIf(sandboxed && bubblewrap.missing)(
    sandboxed
      ? bubblewrap.title("are put back where the plan does not name them")
      : "are put back where the plan does not name them",
    async () => {
      const place = ignoringPlace();
      place.write(
        "src/evil.sh",
        `${overwrite([...SINGLE, ...IN_FOLDERS])}\nln -sf /tmp/x node_modules/.bin/linked\ntrue\n`,
      );
      const ran = await contain(place, "sh src/evil.sh", {
        sandbox: sandboxed ? await sandboxFor(place) : NO_SANDBOX,
        plan: planOf({ "src/**": "modify" }, ["sh src/evil.sh"]),
      });
      expect([...SINGLE, ...IN_FOLDERS].filter((path) => place.read(path) !== "before\n")).toEqual([]);
      expect(IN_FOLDERS.filter((path) => existsSync(join(place.workspace, `${path}.new`)))).toEqual([]);
      expect(ran.rolledBack).toEqual(
        expect.arrayContaining([
          ".husky/_/pre-commit",
          ".vscode/tasks.json",
          "node_modules/.bin/tsc",
          "node_modules/.bin/linked",
        ]),
      );
    },
  );

  test.skipIf(sandboxed && bubblewrap.missing)(
    sandboxed
      ? bubblewrap.title("stay as written where the plan names them")
      : "stay as written where the plan names them",
    async () => {
      const place = ignoringPlace();
      place.write("src/make.sh", "echo mine > .vscode/tasks.json\n");
      const ran = await contain(place, "sh src/make.sh", {
        sandbox: sandboxed ? await sandboxFor(place) : NO_SANDBOX,
        plan: planOf({ ".vscode/tasks.json": "modify" }, ["sh src/make.sh"]),
      });
      expect({ text: place.read(".vscode/tasks.json"), rolledBack: ran.rolledBack }).toEqual({
        text: "mine\n",
        rolledBack: [],
      });
    },
  );
});

/**
 * A program of that name on the search path that does what an installer does to the folders it owns, and one thing that
 * is not its own.
 */
function withInstaller(place: Place, name: string): string {
  const folder = join(place.root, "programs");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, name),
    `#!/bin/sh\necho installed > node_modules/.bin/tsc\necho installed > .venv/bin/activate\necho evil > .vscode/tasks.json\n`,
  );
  chmodSync(join(folder, name), 0o755);
  return `${folder}:${process.env["PATH"] ?? ""}`;
}

async function leftBy(command: string): Promise<(string | null)[]> {
  const place = ignoringPlace();
  const program = command.split(" ")[0] ?? "";
  await contain(place, command, {
    plan: planOf({ "src/a.txt": "modify" }, [command]),
    environmentValues: { PATH: withInstaller(place, program) },
  });
  return ["node_modules/.bin/tsc", ".venv/bin/activate", ".vscode/tasks.json"].map((path) => place.read(path));
}

test.each([
  "npm ci",
  "npm install left-pad",
  "pnpm i",
  "yarn",
  "pip install -r requirements.txt",
  "uv sync",
  "python3 -m venv .venv",
  "poetry install",
])("a planned %s may write what installers own, and nothing else", async (command) => {
  expect(await leftBy(command)).toEqual(["installed\n", "installed\n", "before\n"]);
});

test.each(["npm test", "npm run build", "pip list", "python3 -m pytest"])("a planned %s may not", async (command) => {
  expect(await leftBy(command)).toEqual(["before\n", "before\n", "before\n"]);
});

test.each([1_000, 70_000, 5 * 2 ** 20, 130 * 2 ** 20])(
  "a credential of %i bytes is put back, whether changed, removed or moved",
  async (size) => {
    const place = createPlace({ "a.txt": "a\n" });
    places.push(place);
    const bytes = Buffer.alloc(size, "k");
    const names = ["changed.pem", "removed.pem", "moved.pem"];
    for (const name of names) writeFileSync(join(place.workspace, name), bytes);
    await contain(place, "sh -c 'printf x >> changed.pem; rm removed.pem; mv moved.pem other.txt'", {
      timeoutSeconds: 120,
    });
    expect(names.map((name) => statSync(join(place.workspace, name)).size)).toEqual([size, size, size]);
    expect(names.every((name) => readFileSync(join(place.workspace, name)).equals(bytes))).toBe(true);
  },
);

test("six thousand credentials are put back, the last like the first", async () => {
  const place = createPlace({ "a.txt": "a\n" });
  places.push(place);
  const names = Array.from({ length: 6_000 }, (_, index) => `keys/${index % 60}/k${index}.pem`);
  for (const name of names) {
    mkdirSync(dirname(join(place.workspace, name)), { recursive: true });
    writeFileSync(join(place.workspace, name), name);
  }
  await contain(place, "sh -c 'rm -rf keys/59; for f in keys/0/*.pem; do echo evil > $f; done'", {
    timeoutSeconds: 120,
  });
  expect(names.filter((name) => place.read(name) !== name)).toEqual([]);
});
