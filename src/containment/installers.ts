// Which command lines install packages: they may rewrite the programs of node_modules and of a virtual environment,
// which the plan's files never name. Decides nothing about whether a command may run.

import type { ShellVerdict } from "../types/containment.ts";

const NODE = [
  "install",
  "i",
  "ci",
  "add",
  "update",
  "upgrade",
  "up",
  "rebuild",
  "rb",
  "link",
  "uninstall",
  "remove",
  "rm",
  "un",
  "dedupe",
  "prune",
  "clean-install",
];
/** Program → its words that install; an empty list means the program alone does. */
const INSTALLERS: Readonly<Record<string, readonly string[]>> = {
  npm: NODE,
  pnpm: NODE,
  bun: NODE,
  yarn: [...NODE, ""],
  pip: ["install", "uninstall"],
  pip3: ["install", "uninstall"],
  uv: ["sync", "add", "remove", "venv", "pip"],
  poetry: ["install", "add", "remove", "update", "sync"],
  pdm: ["install", "add", "remove", "update", "sync"],
  pipenv: ["install", "sync", "update", "uninstall"],
  virtualenv: [],
  husky: ["install", ""],
};
const PYTHON = /^python(?:3(?:\.\d+)?)?$/;

function installs(argv: readonly string[]): boolean {
  const [program = "", ...words] = argv;
  const operands = words.filter((word) => !word.startsWith("-"));
  if (PYTHON.test(program)) {
    const module = words.indexOf("-m");
    return module !== -1 && (words[module + 1] === "venv" || installs(words.slice(module + 1)));
  }
  if (!Object.hasOwn(INSTALLERS, program)) return false;
  const known = INSTALLERS[program] ?? [];
  return known.length === 0 || known.includes(operands[0] ?? "");
}

/** A line of installers and reading commands alone, or one that the plan names and that holds an installer. */
export function installsPackages(verdict: ShellVerdict): boolean {
  if (!verdict.announced.some(installs)) return false;
  return (
    verdict.verdict === "planned" ||
    (verdict.understood &&
      verdict.segments.every((segment) => segment.readOnly || (segment.plain && installs(segment.argv))))
  );
}
