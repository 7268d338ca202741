// Data: subcommands of git that only read, each with the options that neither write a file, nor start a program
// (external diff, textconv, pager, gpg, editor), nor reach the network. Whether the repository's own configuration
// allows it is judged elsewhere.

import { parseArguments, type CommandGrammar, type ParsedArguments } from "./command-grammar.ts";

const MANY = Number.POSITIVE_INFINITY;

const DIFF_OPTIONS =
  "-puszwbRaM -U[=] -S= -G= -O@ -l= --patch --no-patch --unified[=] --stat[=] --numstat --shortstat --dirstat[=] --summary --name-only --name-status --raw --minimal --patience --histogram --diff-algorithm= --color[=] --no-color --color-words[=] --word-diff[=] --word-diff-regex= --color-moved[=] --no-renames --find-renames[=] --find-copies[=] --find-copies-harder --check --full-index --binary --abbrev[=] --diff-filter= --pickaxe-all --pickaxe-regex --text --ignore-space-at-eol --ignore-cr-at-eol --ignore-space-change --ignore-all-space --ignore-blank-lines --inter-hunk-context= --function-context --exit-code --quiet --relative --no-prefix --src-prefix= --dst-prefix= --no-ext-diff --no-textconv --compact-summary --patch-with-stat --patch-with-raw --indent-heuristic --no-indent-heuristic -C -W -z";
const REVISION_OPTIONS =
  "-# -i -E -F -n= --all --branches[=] --tags[=] --remotes[=] --glob= --exclude= --not --max-count= --skip= --since= --after= --until= --before= --author= --committer= --grep= --all-match --invert-grep --regexp-ignore-case --fixed-strings --extended-regexp --merges --no-merges --min-parents[=] --max-parents[=] --first-parent --reverse --date-order --author-date-order --topo-order --ancestry-path --boundary --left-right --left-only --right-only --cherry --cherry-mark --cherry-pick --merge --walk-reflogs -g --full-history --simplify-merges --simplify-by-decoration --no-walk --count";
const LOG_OPTIONS = `${DIFF_OPTIONS} ${REVISION_OPTIONS} --oneline --graph --decorate[=] --no-decorate --decorate-refs= --pretty[=] --format[=] --abbrev-commit --no-abbrev-commit --date= --relative-date --parents --children --follow --source --notes --no-notes --full-diff --log-size --no-color --color[=] -L= --mailmap --use-mailmap --no-mailmap --encoding= --cc -c -m --show-pulls --clear-decorations --expand-tabs`;
const REF_LIST_OPTIONS =
  "--contains= --no-contains= --merged= --no-merged= --points-at= --sort= --format= --color[=] --no-color --column[=] --no-column --ignore-case -i";

/** `%G` placeholders call the signature program. */
function checkFormat({ options }: ParsedArguments): string | null {
  return options.some(
    ({ name, value }) => (name === "--format" || name === "--pretty") && /%G|%\(signature/.test(value ?? ""),
  )
    ? "a format that checks signatures"
    : null;
}

/** Operands only create or move something unless the command was told to list. */
function listsOnly(listing: string[]): (parsed: ParsedArguments) => string | null {
  return (parsed) =>
    checkFormat(parsed) ??
    (parsed.paths.length === 0 || parsed.options.some(({ name }) => listing.includes(name))
      ? null
      : "operands without --list");
}

const HARMLESS_CONFIG =
  /^(user\.(name|email)|core\.(autocrlf|eol|ignorecase|filemode|bare|editor|quotepath)|init\.defaultbranch|pull\.rebase|push\.default|branch\.[^.]+\.(remote|merge))$/i;

/** Operands are revisions or paths; both are handed on as paths, so that what names a file outside is seen. */
const SUBCOMMANDS: Readonly<Record<string, CommandGrammar>> = {
  status: {
    options:
      "-sbuvz -u[=] --short --branch --show-stash --porcelain[=] --long --verbose --untracked-files[=] --ignored[=] --column[=] --no-column --ahead-behind --no-ahead-behind --renames --no-renames --find-renames[=] --ignore-submodules[=] --null",
    paths: MANY,
    readsWith: { "-v": "tracked", "--verbose": "tracked" },
  },
  diff: {
    options: `${DIFF_OPTIONS} --cached --staged --merge-base --ignore-submodules[=] --submodule[=]`,
    paths: MANY,
    reads: "tracked",
  },
  log: {
    options: LOG_OPTIONS,
    paths: MANY,
    readsWith: {
      "-p": "tracked",
      "-u": "tracked",
      "--patch": "tracked",
      "-S": "tracked",
      "-G": "tracked",
      "-L": "tracked",
      "--cc": "tracked",
      "-U": "tracked",
      "-c": "tracked",
      "-m": "tracked",
      "--word-diff": "tracked",
      "--patch-with-stat": "tracked",
      "--full-diff": "tracked",
      "--unified": "tracked",
      "--patch-with-raw": "tracked",
      "--binary": "tracked",
      "--check": "tracked",
    },
    check: checkFormat,
  },
  show: { options: LOG_OPTIONS, paths: MANY, reads: "tracked", check: checkFormat },
  whatchanged: { options: LOG_OPTIONS, paths: MANY, reads: "tracked", check: checkFormat },
  shortlog: {
    options: `${REVISION_OPTIONS} -sne --numbered --summary --email --group= --committer[=]`,
    paths: MANY,
    least: 1,
  },
  blame: {
    options:
      "-blefnswcpt -L= -M[=] -C[=] --root --show-stats --date= --porcelain --line-porcelain --incremental --show-name --show-number --show-email --abbrev[=] --since= --ignore-rev= --first-parent --color-lines --color-by-age",
    paths: MANY,
    least: 1,
  },
  annotate: { options: "-l -L=", paths: MANY, least: 1 },
  "ls-files": {
    options:
      "-cdmosuktvfiz -x= --cached --deleted --modified --others --ignored --stage --unmerged --killed --exclude= --exclude-standard --error-unmatch --full-name --abbrev[=] --directory --no-empty-directory --eol --deduplicate --format=",
    paths: MANY,
  },
  "ls-tree": {
    options: "-drtlz --long --name-only --name-status --object-only --full-name --full-tree --abbrev[=] --format=",
    paths: MANY,
    least: 1,
  },
  "rev-parse": {
    options:
      "--show-toplevel --show-prefix --show-cdup --git-dir --absolute-git-dir --git-common-dir --is-inside-work-tree --is-inside-git-dir --is-bare-repository --is-shallow-repository --abbrev-ref[=] --short[=] --verify --quiet -q --symbolic --symbolic-full-name --all --branches[=] --tags[=] --remotes[=] --show-object-format[=] --revs-only --no-revs --show-superproject-working-tree",
    paths: MANY,
  },
  "rev-list": {
    options: `${REVISION_OPTIONS} --objects --oneline --format[=] --pretty[=] --timestamp --parents --children --abbrev-commit --date=`,
    paths: MANY,
    least: 1,
    check: checkFormat,
  },
  describe: {
    options:
      "--all --tags --contains --long --always --abbrev[=] --candidates= --exact-match --match= --exclude= --first-parent",
    paths: MANY,
  },
  "name-rev": { options: "--tags --refs= --exclude= --name-only --always --all", paths: MANY },
  "merge-base": { options: "-a --all --octopus --is-ancestor --independent --fork-point", paths: MANY, least: 1 },
  branch: {
    options: `-avqr -l --all --remotes --list --verbose --quiet --show-current --abbrev[=] --no-abbrev ${REF_LIST_OPTIONS}`,
    paths: MANY,
    check: listsOnly(["--list", "-l"]),
  },
  tag: { options: `-ln -n# -l --list ${REF_LIST_OPTIONS}`, paths: MANY, check: listsOnly(["--list", "-l"]) },
  remote: {
    options: "-v --verbose",
    exactly: [
      ["get-url", "origin"],
      ["get-url", "upstream"],
      ["get-url", "--all", "origin"],
    ],
  },
  reflog: { exactly: [[], ["show"], ["show", "HEAD"], ["HEAD"]] },
  stash: { exactly: [["list"], ["list", "--oneline"]] },
  worktree: { exactly: [["list"], ["list", "--porcelain"], ["list", "-v"]] },
  "cat-file": { options: "-e -p -t -s", paths: 2, least: 1, reads: "tracked" },
  "count-objects": { options: "-vH --verbose --human-readable" },
  "show-ref": {
    options: "-qdsh --head --heads --tags --verify --dereference --hash[=] --abbrev[=] --quiet",
    paths: MANY,
  },
  "for-each-ref": { options: `--count= ${REF_LIST_OPTIONS}`, paths: MANY, check: checkFormat },
  "symbolic-ref": { options: "-q --short --quiet", paths: 1, least: 1 },
  "diff-tree": {
    options: `${DIFF_OPTIONS} -rtmc --root --stdin --no-commit-id --cc --pretty[=] --format[=]`,
    paths: MANY,
    least: 1,
    reads: "tracked",
    check: checkFormat,
  },
  "check-ignore": { options: "-qvn --quiet --verbose --non-matching --no-index", paths: MANY, least: 1 },
  "check-attr": { options: "-a --all --cached", paths: MANY },
  cherry: { options: "-v --abbrev[=]", paths: 3 },
  "range-diff": {
    options: "-s --no-color --color[=] --no-patch --creation-factor=",
    paths: 3,
    least: 1,
    reads: "tracked",
  },
  grep: {
    options:
      "-aIiwvhHEPGFnlLzcqpWor -e= -C= -A= -B= -m= -f@ --cached --untracked --no-index --text --ignore-case --word-regexp --invert-match --extended-regexp --basic-regexp --perl-regexp --fixed-strings --line-number --column --files-with-matches --name-only --files-without-match --count --color[=] --no-color --break --heading --show-function --function-context --context= --after-context= --before-context= --max-depth= --max-count= --only-matching --quiet --and --or --not --all-match --full-name",
    texts: 1,
    textsFromOptions: ["-e", "-f"],
    paths: MANY,
    reads: "tracked",
    readsWith: { "--untracked": "all", "--no-index": "all" },
  },
  version: { options: "", paths: 0 },
  config: {
    parse(argv) {
      const [option, key = "", more] = argv.slice(1);
      const named = (option === "--get" || option === "get") && more === undefined && HARMLESS_CONFIG.test(key);
      return named
        ? { options: [], texts: [key], paths: [], reads: "none" }
        : "git config other than reading a harmless key";
    },
  },
};

export interface GitReading {
  subcommand: string;
  /** `-C` directories in order. */
  directories: string[];
  parsed: ParsedArguments;
}

/** Reads a git command line: the reading of a listed subcommand, or a few words naming what is not in the table. */
export function parseGit(argv: string[]): GitReading | string {
  const directories: string[] = [];
  let index = 1;
  for (; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--no-pager" || word === "-P" || word === "--no-optional-locks" || word === "--literal-pathspecs")
      continue;
    if (word === "-C") {
      index++;
      directories.push(argv[index] ?? "");
      continue;
    }
    break;
  }
  const subcommand = argv[index] ?? "";
  if (subcommand === "--version" || subcommand === "-v") {
    return argv.length === index + 1
      ? { subcommand: "version", directories, parsed: { options: [], texts: [], paths: [], reads: "none" } }
      : "git options";
  }
  if (subcommand.startsWith("-")) return `git option ${subcommand}`;
  const grammar = Object.hasOwn(SUBCOMMANDS, subcommand) ? SUBCOMMANDS[subcommand] : undefined;
  if (grammar === undefined) return subcommand === "" ? "git without a subcommand" : `git ${subcommand}`;
  const parsed = parseArguments(argv.slice(index), grammar);
  return typeof parsed === "string" ? `${parsed} of git ${subcommand}` : { subcommand, directories, parsed };
}

/** Paths that a revision operand may name: `HEAD:src/a` and `:0:src/a` name src/a, `a..b` names none. */
export function pathsOfRevision(operand: string): string[] {
  const colon = operand.lastIndexOf(":");
  return colon === -1 || operand.startsWith(":(")
    ? [operand.replace(/^:\([^)]*\)/, "")]
    : [operand.slice(colon + 1), operand];
}
