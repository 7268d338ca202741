// Whether the generated attacks find old faults again: each row takes one mend out of a copy of the checkout, and the
// attacks run there until the first failure. `npx tsx bench/containment/mends.mts [attacks] [row]`; ends with 1 where a
// row is not found.

import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Mend {
  /** The fault as it was. */
  fault: string;
  file: string;
  /** Stands in the file exactly once. */
  text: string;
  without: string;
}

const STORE = "src/containment/git-store.ts";
const SNAPSHOT = "src/containment/snapshot.ts";
const CHANGES = "src/containment/snapshot-changes.ts";

const MENDS: readonly Mend[] = [
  {
    fault: "folders that a command closed are not looked into",
    file: SNAPSHOT,
    text: "surveyor.walk(openFolder(before.survey))",
    without: "surveyor.walk()",
  },
  {
    fault: "whole seconds are compared",
    file: STORE,
    text: "const late = await missed(new Set(changed.map(({ path }) => path)));",
    without: "const late: TreeChange[] = [];",
  },
  {
    fault: "what was seen through a link counted as unchanged",
    file: "src/containment/node-facts.ts",
    text: 'tryLook(folder).facts?.kind !== "link"',
    without: "true",
  },
  {
    fault: "pointers to repositories were not looked at in the sandbox",
    file: "src/containment/guarded-places.ts",
    text: 'if (lookAt(entry) === "other") addRepository(entry, collector);',
    without: "void lookAt(entry);",
  },
  {
    fault: "permission bits of files were not kept",
    file: SNAPSHOT,
    text: "modes = await readModes(survey)",
    without: "modes = new Map()",
  },
  {
    fault: "empty folders, pipes and devices were not compared",
    file: SNAPSHOT,
    text: "...entryChanges(workspace, before.survey, survey),",
    without: "",
  },
  {
    fault: "tracked files that are ignored were not watched",
    file: SNAPSHOT,
    text: "tracked: await trackedIgnored.of(tree, list)",
    without: "tracked: []",
  },
  {
    fault: "names that are no text were taken for text",
    file: "src/containment/node-facts.ts",
    text: "name: nameFromBytes(entry.name)",
    without: 'name: entry.name.toString("utf8")',
  },
  {
    fault: "repositories that a command made were left",
    file: CHANGES,
    text: "(!known.has(entry) && after.gitFolders[entry] !== undefined)",
    without: "false",
  },
  {
    fault: "the rules of now decided what is ignored",
    file: SNAPSHOT,
    text: "before.stores.map((snapshot) =>\n          changesOf(snapshot, { rules: snapshot.rules,",
    without:
      "before.stores.map(async (snapshot) =>\n          changesOf(snapshot, { rules: await readIgnoreList(snapshot.tree, survey.ignoreFiles, [], options.home),",
  },
  {
    fault: "one path that cannot be put back ended the whole",
    file: "src/containment/restore.ts",
    text: "      return thrown;\n",
    without: "      throw thrown;\n",
  },
  {
    fault: "files beyond a size were not kept",
    file: STORE,
    text: "if (facts.size >= LARGE_BYTES || !canBeRead(absolute(path), facts)) {\n          drop.push(path);\n          await keepByOwnCode(path, facts);",
    without: "if (facts.size >= LARGE_BYTES || !canBeRead(absolute(path), facts)) {\n          drop.push(path);",
  },
  {
    fault: "repositories inside the workspace were not watched",
    file: SNAPSHOT,
    text: "return [workspace, ...nested.sort()];",
    without: "return [workspace, ...nested.slice(0, 0)];",
  },
];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Second names of all files: a row replaces its own by another file. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isFile()) {
      try {
        linkSync(source, target);
      } catch {
        cpSync(source, target); // Another file system.
      }
    }
  }
}

function copyWithout({ file, text, without }: Mend, scratch: string): void {
  for (const folder of ["src", "bench", "test"]) linkTree(join(ROOT, folder), join(scratch, folder));
  for (const name of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, name), join(scratch, name));
  for (const name of ["node_modules", "bin", "dist"]) symlinkSync(join(ROOT, name), join(scratch, name));
  const source = readFileSync(join(ROOT, file), "utf8");
  if (source.split(text).length !== 2) throw new Error(`${file} does not hold this text just once: ${text}`);
  rmSync(join(scratch, file));
  writeFileSync(
    join(scratch, file),
    source.replace(text, () => without),
  );
}

function attack(scratch: string, attacks: number): Promise<string> {
  const words = [
    "--import",
    "tsx",
    join(scratch, "bench/containment/attacks.mts"),
    String(attacks),
    "1",
    "until-failure",
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, words, { cwd: scratch, maxBuffer: 1 << 26 }, (_error, stdout, stderr) =>
      resolve(stdout === "" ? stderr : stdout),
    );
  });
}

const attacks = Number(process.argv[2] ?? 300);
const only = process.argv[3];
for (const [row, mend] of MENDS.entries()) {
  if (only !== undefined && Number(only) !== row) continue;
  const scratch = mkdtempSync(join(tmpdir(), "bmo-mends-"));
  try {
    copyWithout(mend, scratch);
    const [first = "", failure = ""] = (await attack(scratch, attacks)).split("\n");
    const found = first.startsWith("{") ? (JSON.parse(first) as { attacks: number; failures: number }) : null;
    if (found === null || found.failures === 0) process.exitCode = 1;
    const outcome =
      found === null
        ? `could not run: ${first}`
        : found.failures === 0
          ? `not found in ${found.attacks} attacks`
          : `found after ${found.attacks} attacks: ${failure.slice(0, 160)}`;
    console.log(
      `${row} ${mend.fault} (${dirname(mend.file).split("/").at(-1) ?? ""}/${mend.file.split("/").at(-1) ?? ""}): ${outcome}`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
