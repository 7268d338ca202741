// Spellings of a denied command, generated over paths, quoting, wrappers and interpreters. Each is run by real bash in
// a folder of its own, unless the policy keeps it from running under bypassPermissions; a file that only the denied
// program makes tells which did.

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decide } from "../../src/permission/policy.ts";
import { deniedPrograms, parseRule } from "../../src/permission/rules.ts";
import { judgeCommand } from "../../src/permission/shell.ts";
import { createRandom } from "./fuzz.ts";

/** What the rule denies: `touch` makes the file that tells. */
const RULES = ["bash(touch *)", "bash(/usr/bin/touch *)", "bash(touch:*)", "bash(t*ch *)", "bash(TOUCH *)"];

interface Line {
  /** One simple command; only such a one can be wrapped by words. */
  simple: boolean;
  text: string;
}
type Form = (line: Line, mark: string) => Line;

const quote = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`;
const simple = (text: string): Line => ({ simple: true, text });
const compound = (text: string): Line => ({ simple: false, text });

/** How the program may be spelled. The folder holds a link, a hard link and a copy of it. */
const PROGRAMS = [
  "touch",
  "/usr/bin/touch",
  "/bin/touch",
  "//usr/bin/touch",
  "/usr/./bin/../bin/touch",
  "\\touch",
  "'touch'",
  '"touch"',
  "t''ouch",
  'to"uc"h',
  "to\\uch",
  "./link",
  "./copy",
  "$PWD/link",
  "sub/../link",
  "./sub/again",
  "$'touch'",
  "$'\\x74ouch'",
  "/usr/bin/t[o]uch",
  "/usr/bin/touc?",
  "/???/bin/touch",
  "${nothing:-touch}",
  "$(echo touch)",
  "`echo touch`",
  '"$(printf %s touch)"',
  "tou{,}ch",
  "{touch,-c}",
  "$(command -v touch)",
  "$(which touch)",
  "~+/link",
  "./script",
  "./env-script",
  "sub/named-nothing",
];

/** Words before a simple command. */
const WORDS = [
  "command",
  "builtin command",
  "exec",
  "exec -a other",
  "env",
  "env -i PATH=/usr/bin:/bin",
  "env -u HOME",
  "env A=1 B=2",
  "env -C .",
  "nohup",
  "nice",
  "nice -n 5",
  "nice -5",
  "timeout 20",
  "timeout -k 3 20",
  "timeout --signal=KILL 20s",
  "setsid",
  "setsid -w",
  "stdbuf -o0",
  "stdbuf -i 0 -o L",
  "time",
  "time -p",
  "!",
  "ionice -c 3",
  "chrt -o 0",
  "taskset 1",
  "linux64",
  "setarch x86_64",
  "unshare",
  "unshare -r",
  "unshare --map-root-user --",
  "setpriv",
  "setpriv --no-new-privs",
  "flock lock",
  "flock -n lock",
  "flock -w 3 lock",
  "sudo",
  "sudo -n",
  "sudo -n -u root",
  "doas",
  "busybox",
  "/lib64/ld-linux-x86-64.so.2",
  "runuser -u root --",
  "runuser -u root",
  "chroot /",
  "nsenter -t $$ -m",
  "prlimit",
  "prlimit --nofile=100",
  "A=1",
  "A=1 B=2",
  "\\command",
  "'env'",
  "/usr/bin/env",
  "/usr/bin/nice",
  "command env",
  "coproc",
  "strace -o /dev/null",
  "valgrind",
  "fakeroot",
  "catchsegv",
  "npx -c",
  "systemd-run --user --wait",
  "dbus-run-session --",
  "watch -x -g -n 1",
];

/** Lines around a line. */
const AROUND: Form[] = [
  (line) => simple(`bash -c ${quote(line.text)}`),
  (line) => simple(`sh -c ${quote(line.text)}`),
  (line) => simple(`dash -c ${quote(line.text)}`),
  (line) => simple(`bash -lc ${quote(line.text)}`),
  (line) => simple(`bash -ec ${quote(line.text)}`),
  (line) => simple(`bash --norc -xc ${quote(line.text)} name`),
  (line) => simple(`/bin/bash -o errexit -c ${quote(line.text)}`),
  (line) => simple(`bash -c -e ${quote(line.text)}`),
  (line) => simple(`bash +x -c ${quote(line.text)}`),
  (line) => simple(`/usr/bin/env bash -c ${quote(line.text)}`),
  (line) => simple(`eval ${quote(line.text)}`),
  (line) => simple(`eval -- ${quote(line.text)}`),
  (line) => simple(`builtin eval ${quote(line.text)}`),
  (line) => simple(`command eval ${quote(line.text)}`),
  (line) => simple(`env -S ${quote(`bash -c ${quote(line.text)}`)}`),
  (line) => simple(`env --split-string=${quote(`sh -c ${quote(line.text)}`)}`),
  (line) => simple(`su -c ${quote(line.text)}`),
  (line) => simple(`su root -c ${quote(line.text)}`),
  (line) => simple(`su -c ${quote(line.text)} root`),
  (line) => simple(`runuser -c ${quote(line.text)}`),
  (line) => simple(`script -qc ${quote(line.text)} /dev/null`),
  (line) => simple(`script -q /dev/null -c ${quote(line.text)}`),
  (line) => simple(`flock lock -c ${quote(line.text)}`),
  (line) => simple(`sg root -c ${quote(line.text)}`),
  (line) => simple(`python3 -c ${quote(`import os; os.system(${JSON.stringify(line.text)})`)}`),
  (line) => simple(`perl -e ${quote(`system(q\u0001${line.text}\u0001)`.replaceAll("\u0001", "~"))}`),
  (line) => simple(`node -e ${quote(`require("child_process").execSync(${JSON.stringify(line.text)})`)}`),
  (line) => simple(`awk ${quote(`BEGIN { system(${JSON.stringify(line.text)}) }`)}`),
  (line) => simple(`sed -n ${quote(`1e ${line.text.replace(/\n/g, ";")}`)} seed`),
  (line) => simple(`make -s --eval=${quote(`all:;${line.text.replaceAll("$", "$$$$")}`)} all`),
  (line) => simple(`git -c alias.x=${quote(`!${line.text}`)} x`),
  (line) => simple(`git -c core.pager=${quote(line.text)} -p --version`),
  (line) => simple(`tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec=${quote(line.text)} seed`),
  (line) => simple(`find . -maxdepth 0 -exec sh -c ${quote(line.text)} ';'`),
  (line) => simple(`xargs -I{} sh -c ${quote(line.text)}`),
  (line) => simple(`split -n 1 --filter=${quote(line.text)} seed`),
  (line) => simple(`npm exec -c ${quote(line.text)}`),
  (line) => simple(`vim -es -c ${quote(`!${line.text}`)} -c q!`),
  (line) => simple(`parallel ::: ${quote(line.text)}`),
  (line) => simple(`rg --pre ./copy x seed; ${line.text}`),
  (line) => compound(`trap ${quote(line.text)} EXIT`),
  (line) => compound(`(${line.text})`),
  (line) => compound(`{ ${line.text}; }`),
  (line) => compound(`true && ${line.text}`),
  (line) => compound(`false || ${line.text}`),
  (line) => compound(`:; ${line.text}`),
  (line) => compound(`${line.text} | cat`),
  (line) => compound(`if true; then ${line.text}; fi`),
  (line) => compound(`for i in 1; do ${line.text}; done`),
  (line) => compound(`f() { ${line.text}; }; f`),
  (line) => compound(`echo "$(${line.text})"`),
  (line) => compound(`cat <(${line.text})`),
  (line) => compound(`bash <<'E'\n${line.text}\nE`),
  (line) => compound(`bash <<< ${quote(line.text)}`),
  (line) => compound(`printf %s ${quote(line.text)} | sh`),
  (line) => compound(`echo ${quote(line.text)} | bash`),
  (line) => compound(`echo ${Buffer.from(line.text).toString("base64")} | base64 -d | bash`),
  (line) => compound(`source <(echo ${quote(line.text)})`),
  (line) => compound(`. /dev/stdin <<< ${quote(line.text)}`),
  (line) => compound(`x=${quote(line.text)}; eval "$x"`),
  (line, mark) => compound(`printf %s ${quote(line.text)} > s-${mark}; bash s-${mark}`),
  (line, mark) => compound(`printf %s ${quote(line.text)} > s-${mark}; . ./s-${mark}`),
  (line) => compound(`shopt -s expand_aliases; alias zz=${quote(line.text)}\nzz`),
  (line) => compound(`${line.text} &\nwait`),
  (line) => compound(`${line.text} 2>&1`),
  (line) => compound(`case a in a) ${line.text};; esac`),
  (line) => compound(`! ${line.text}`),
  (line) => compound(`cd sub/.. && ${line.text}`),
  (line) => compound(`true; ${line.text} # end`),
  (line) => compound(`mapfile -C ${quote(`${line.text};:`)} -c 1 < seed`),
];

/** Whole commands that have a place of their own for the name of the file. */
const WHOLE: ((program: string, mark: string) => string)[] = [
  (program, mark) => `${program} ${mark}`,
  (program, mark) => `${program} -- ${mark}`,
  (program, mark) => `${program} ./${mark}`,
  (program, mark) => `${program} '${mark}'`,
  (program, mark) => `${program} -m ${mark}`,
  (program, mark) => `${program} -d now ${mark}`,
  (program, mark) => `${program} --no-create x ${mark}-not ; ${program} ${mark}`,
  (program, mark) => `echo ${mark} | xargs ${program}`,
  (program, mark) => `printf '${mark}\\0' | xargs -0 -n 1 -P 2 ${program}`,
  (program, mark) => `echo ${mark} | xargs -I@ ${program} @`,
  (program, mark) => `find . -maxdepth 0 -exec ${program} ${mark} ';'`,
  (program, mark) => `find . -maxdepth 0 -exec ${program} ${mark} {} +`,
  (_program, mark) => `find ./link -exec {} ${mark} ';'`,
  (program, mark) => `p=${program}; $p ${mark}`,
  (_program, mark) => `cp /usr/bin/touch ./c-${mark} && ./c-${mark} ${mark}`,
  (_program, mark) => `ln -s /usr/bin/touch ./l-${mark}; ./l-${mark} ${mark}`,
  (_program, mark) => `hash -p /usr/bin/touch zzz; zzz ${mark}`,
  (_program, mark) => `PATH=.:$PATH copy ${mark}`,
  (program, mark) => `${program}\${IFS}${mark}`,
  (_program, mark) => `a=tou; b=ch; $a$b ${mark}`,
  (program, mark) => `bash -c '"$@"' x ${program} ${mark}`,
  (program, mark) => `sh -c '$0 ${mark}' ${program}`,
  (program, mark) => `env ${program} ${mark}`,
  (_program, mark) => `echo touch | xargs -I{} {} ${mark}`,
  (_program, mark) => `python3 -c 'import os; os.execvp("tou"+"ch", ["x", "${mark}"])'`,
  (_program, mark) => `make -s SHELL=/usr/bin/touch .SHELLFLAGS=-a --eval='all:;${mark}' all`,
];

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

function spelling(random: () => number, mark: string): string {
  const isPlain = random() < 0.7;
  let line: Line = isPlain
    ? simple(`${pick(random, PROGRAMS)} ${mark}`)
    : compound(pick(random, WHOLE)(pick(random, PROGRAMS), mark));
  for (let depth = Math.floor(random() * 3.6); depth > 0; depth--) {
    if (line.simple && random() < 0.5) line = simple(`${pick(random, WORDS)} ${line.text}`);
    else line = pick(random, AROUND)(line, mark);
  }
  return line.text;
}

function fillFolder(folder: string): void {
  const touch = realpathSync("/usr/bin/touch");
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "seed"), "x\n");
  symlinkSync(touch, join(folder, "link"));
  symlinkSync("../link", join(folder, "sub", "again"));
  copyFileSync(touch, join(folder, "copy"));
  linkSync(join(folder, "copy"), join(folder, "sub", "named-nothing"));
  writeFileSync(join(folder, "script"), '#!/bin/sh\ntouch "$@"\n', { mode: 0o755 });
  writeFileSync(join(folder, "env-script"), "#!/usr/bin/env -S touch -a\n", { mode: 0o755 });
}

export interface SpellingResult {
  tried: number;
  /** Spellings that run the program where nobody judges them: the others test nothing. */
  working: number;
  denied: number;
  asked: number;
  /** Allowed, and the denied program ran. */
  ran: string[];
}

/**
 * Judges `count` spellings and runs those that are allowed; of the others one in `control` to see that they would have
 * worked.
 */
export async function runSpellings(count: number, seed: number, control = 10): Promise<SpellingResult> {
  const random = createRandom(seed);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "bmo-spellings-")));
  const result: SpellingResult = { tried: 0, working: 0, denied: 0, asked: 0, ran: [] };
  const environment = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    TERM: "dumb",
    npm_config_cache: join(folder, ".npm"),
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
  };
  const run = (line: string): void =>
    void spawnSync("bash", ["--noprofile", "--norc", "-c", line], {
      cwd: folder,
      env: environment,
      stdio: "ignore",
      timeout: 8_000,
      killSignal: "SIGKILL",
    });
  try {
    fillFolder(folder);
    for (let index = 0; index < count; index++) {
      const mark = `ran-${index}`;
      const rules = { allow: [parseRule("bash")], deny: [parseRule(pick(random, RULES))], grants: [] };
      const line = spelling(random, mark);
      const shell = await judgeCommand(line, {
        workspace: folder,
        readRoots: [],
        planCommands: [],
        gitConfig: () => ({ gitDirectory: null, workTree: null, problem: null }),
        isProtected: () => false,
        searchPath: environment.PATH,
        denied: { programs: deniedPrograms(rules.deny) },
      });
      const { decision } = decide({
        tool: "bash",
        access: "exec",
        path: null,
        action: null,
        shell,
        credentialInTree: null,
        stage: "chat",
        mode: "bypassPermissions",
        scope: null,
        containment: "enforce",
        sandboxed: false,
        rules,
        workspace: folder,
        home: folder,
      });
      result.tried++;
      if (decision === "deny") result.denied++;
      if (decision === "ask") result.asked++;
      if (decision !== "allow" && random() * control >= 1) continue;
      run(line);
      if (!existsSync(join(folder, mark))) continue;
      if (decision === "allow") result.ran.push(line);
      else result.working++;
      for (const name of readdirSync(folder))
        if (/^(ran|s|c|l)-\d/.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
