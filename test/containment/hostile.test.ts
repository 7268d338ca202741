// Generated figures: hostile commands before approval, plans against deviations after it. Larger counts through
// BMO_HOSTILE_COUNT, as the bench does.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { childEnvironment, looksSecret } from "../../src/containment/environment.ts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import { readGitConfigFacts } from "../../src/containment/git-config.ts";
import { credentialInTree } from "../../src/containment/survey.ts";
import { isProtectedPath } from "../../src/containment/protected.ts";
import { judgeCommand } from "../../src/permission/shell.ts";
import { createRandom } from "../permission/fuzz.ts";
import { contain, createPlace, GIT, planOf, treeOf, type Place } from "./fixture.ts";

const COUNT = Number(process.env["BMO_HOSTILE_COUNT"] ?? 1);
let place: Place;
afterEach(() => place.remove());

const WRITES = [
  "touch PWNED",
  "echo x > PWNED",
  "echo x >> a.txt",
  "rm a.txt",
  "mv a.txt b.txt",
  "sed -i s/o/p/ a.txt",
  "tee PWNED",
  "cp a.txt PWNED",
  "mkdir PWNED",
  "ln -s a.txt PWNED",
  "git commit --allow-empty -m x",
  "git config a.b c",
  "git checkout -b PWNED",
  "truncate -s0 a.txt",
  "dd if=a.txt of=PWNED",
  "install a.txt PWNED",
  'node -e \'require("fs").writeFileSync("PWNED","")\'',
  'python3 -c \'open("PWNED","w")\'',
  "perl -e 'open(F,\">PWNED\")'",
  "find . -exec touch PWNED ';'",
  "sort -o PWNED a.txt",
  "uniq a.txt PWNED",
  "rg --pre touch PWNED",
  "awk 'BEGIN{system(\"touch PWNED\")}'",
];
const READS = ["ls", "cat a.txt", "git status", "rg one", "find . -name x", "wc -l a.txt", "true", "echo x", "pwd"];
const JOINS = [" && ", " || ", "; ", " | ", " & ", "\n", " |& ", ";\t", "&&"];
const WRAPS = [
  "%",
  "$(%)",
  "`%`",
  "(%)",
  "{ %; }",
  "bash -c '%'",
  "eval '%'",
  "env %",
  "time %",
  "! %",
  "nohup %",
  "timeout 5 %",
  "A=1 %",
  "if true; then %; fi",
  "for i in 1; do %; done",
  "cat <(%)",
  'echo "$(%)"',
  "command %",
  "exec %",
  "cat <<E\n$(%)\nE",
  "xargs -I{} sh -c '%'",
  "% 2>/dev/null",
  "sudo %",
  "f() { %; }; f",
  "[[ $(%) ]]",
  "echo ${x:-$(%)}",
  "trap '%' EXIT",
  "coproc %",
  "\\%",
];

test(
  "no generated line that may write is ever read-only, in 2,000",
  async () => {
    place = createPlace({ "a.txt": "one\n" });
    const random = createRandom(20261121);
    const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? "";
    const context = {
      workspace: place.workspace,
      readRoots: [],
      planCommands: [],
      gitConfig: readGitConfigFacts,
      isProtected: (path: string) => isProtectedPath(path, place.workspace, null),
    };
    for (let count = 0; count < 2_000 * COUNT; count++) {
      const parts = Array.from({ length: Math.floor(random() * 3) }, () => pick(READS));
      parts.splice(
        Math.floor(random() * (parts.length + 1)),
        0,
        pick(WRAPS).replace("%", () => pick(WRITES)),
      );
      const line = parts.reduce((left, right) => left + pick(JOINS) + right);
      const verdict = await judgeCommand(line, context);
      expect(["ask", "refuse"], line).toContain(verdict.verdict);
    }
  },
  60_000 * COUNT,
);

test(
  "plans against deviations: every byte out of scope comes back, every byte in scope stays",
  async () => {
    const files = ["src/a.ts", "src/deep/b.ts", "lib/c.ts", "docs/d.md", "top.txt", "x y/e f.txt"];
    const scopes = ["src/**", "lib", "docs/*.md", "top.txt", "x y/**"];
    const random = createRandom(7);
    for (let count = 0; count < 24 * COUNT; count++) {
      place = createPlace(Object.fromEntries(files.map((path) => [path, `${path}\n`])), random() < 0.7);
      const allowed = scopes.filter(() => random() < 0.4);
      const plan = planOf(Object.fromEntries(allowed.map((path) => [path, "modify" as const])));
      const covers = (path: string): boolean =>
        allowed.some((scope) => path === scope || path.startsWith(`${scope.replace(/\/?\*.*$/, "")}/`));
      const before = treeOf(place.workspace, (path) => path === ".git");
      const expected = { ...before };
      const commands: string[] = [];
      for (const [index, path] of files.entries()) {
        const choice = random();
        const text = `changed ${count} ${index}`;
        if (choice < 0.4) {
          commands.push(`echo '${text}' > '${path}'`);
          if (covers(path)) expected[path] = `644 ${text}\n`;
        } else if (choice < 0.6) commands.push(`rm '${path}'`);
        else if (choice < 0.8) {
          const created = `${path}.new`;
          commands.push(`echo '${text}' > '${created}'`);
          if (covers(created) && !created.endsWith(".md.new")) expected[created] = `644 ${text}\n`;
        }
      }
      const result = await contain(place, [...commands, "true"].join("; "), {
        plan,
        snapshots: createSnapshots({
          workspace: place.workspace,
          dataDirectory: place.data,
          git: random() < 0.7 ? GIT : null,
          home: null,
        }),
      });
      expect({ commands, allowed, tree: treeOf(place.workspace, (path) => path === ".git") }).toEqual({
        commands,
        allowed,
        tree: expected,
      });
      expect(result.outOfScope.length === 0).toBe(result.rolledBack.length === 0);
      place.remove();
    }
  },
  60_000 * COUNT,
);

test("the child's environment: keys in use and secret names go, canaries stay, what starts programs goes", () => {
  place = createPlace({}, false);
  const key = "sk-live-0123456789";
  const given = {
    PATH: `.:/usr/bin::bin:${place.workspace}/node_modules/.bin`,
    HOME: "/h",
    LANG: "C",
    EDITOR: "vi",
    ANTHROPIC_API_KEY: key,
    ODDLY_NAMED: `prefix-${key}`,
    GH_TOKEN: "t",
    AWS_SECRET_ACCESS_KEY: "s",
    DB_PASSWORD: "p",
    NPM_TOKEN: "n",
    MY_PRIVATE_KEY: "k",
    SSH_AUTH_SOCK: "/x",
    MONKEY: "canary",
    KEYBOARD: "canary",
    TOKENIZER_MODE: "canary",
    BASH_ENV: "x",
    "BASH_FUNC_ls%%": "() { :; }",
    IFS: "x",
    GIT_DIR: "x",
    GIT_EXTERNAL_DIFF: "x",
    GIT_AUTHOR_NAME: "me",
    CDPATH: "/",
    LESSOPEN: "|x",
    RIPGREP_CONFIG_PATH: "x",
    GONE: "x",
  };
  const options = { add: { ADDED: "yes", LEAK: key }, remove: ["GONE"], keysInUse: [key] };
  const child = childEnvironment(given, options);
  expect(JSON.stringify(child)).not.toContain(key);
  expect(
    Object.keys(child)
      .filter((name) => Object.hasOwn(given, name))
      .sort(),
  ).toEqual([
    "EDITOR",
    "GIT_AUTHOR_NAME",
    "HOME",
    "KEYBOARD",
    "LANG",
    "MONKEY",
    "PATH",
    "SSH_AUTH_SOCK",
    "TOKENIZER_MODE",
  ]);
  expect(child).toMatchObject({
    ADDED: "yes",
    PAGER: "cat",
    GIT_TERMINAL_PROMPT: "0",
    PATH: `/usr/bin:${place.workspace}/node_modules/.bin`,
  });
  const reading = childEnvironment(given, { ...options, readOnlyIn: place.workspace });
  expect(reading).toMatchObject({ PATH: "/usr/bin", GIT_OPTIONAL_LOCKS: "0" });
  expect(reading["SSH_AUTH_SOCK"]).toBeUndefined();
  for (const name of [
    "OPENAI_API_KEY",
    "SECRET",
    "MY_TOKEN",
    "X_PASSWORD",
    "STRIPE_SECRET_KEY",
    "AUTH",
    "DATABASE_PASS",
    "GITHUB_PAT_TOKEN",
    "SENTRY_DSN",
    "PGPASSWORD",
    "MYSQL_PWD",
    "SSHPASS",
    "GH_PAT",
    "CI_JOB_JWT",
    "CLIENTSECRET",
    "npm_config__authToken",
    "DEPLOY_CRED",
    "SLACK_WEBHOOK_URL",
    "AZURE_STORAGE_CONNECTION_STRING",
    "JWT",
  ])
    expect(looksSecret(name), name).toBe(true);
  for (const name of [
    "PATH",
    "MONKEY",
    "AUTHOR",
    "TOKENIZERS_PARALLELISM",
    "KEYMAP",
    "PASSIVE",
    "PWD",
    "OLDPWD",
    "INIT_CWD",
    "COMPASS_PATH",
    "SSH_AUTH_SOCK",
  ])
    expect(looksSecret(name), name).toBe(false);
});

test.each([
  ["an address with a login", "postgres://app:hunter2@db.example.com/x", false],
  ["an address with a login behind other text", "mirror https://u:p%40ss@pypi.example.com/simple", false],
  ["a proxy with a login", "http://u:p@proxy.example.com:3128", false],
  ["a login without a user", "redis://:hunter2@cache.example.com:6379", false],
  ["a token of GitHub", "ghp_0123456789abcdefghijABCDEFGHIJ012345", false],
  ["a key id of AWS", "AKIAIOSFODNN7EXAMPLE", false],
  ["a JSON web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", false],
  ["a live key of Stripe", "sk_live_0123456789abcdef", false],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc", false],
  ["a webhook", "https://hooks.slack.com/services/T0/B0/x", false],
  ["a connection string", "Server=db;User Id=a;Password=hunter2;", false],
  ["a storage account", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc==", false],
  ["a login to this machine", "postgres://postgres:postgres@localhost:5432/test", true],
  ["a login to this machine by its address", "mysql://root:root@127.0.0.1/test", true],
  ["an address without a login", "https://registry.npmjs.org/@scope/name", true],
  ["a port and a path with an at sign", "http://localhost:8080/@app/x", true],
  ["a folder", "/home/u/sk-learn/eyJ", true],
])("a variable that holds %s reaches a command only where that is no secret", (_what, value, passed) => {
  const child = childEnvironment({ PLAIN: value }, { add: {}, remove: [], keysInUse: [] });
  expect(child["PLAIN"]).toBe(passed ? value : undefined);
});

test("credentials by name and place", () => {
  place = createPlace({}, false);
  const is = (path: string): boolean =>
    isProtectedPath(path.replace("~", "/home/u").replace(/^w\//, `${place.workspace}/`), place.workspace, "/home/u");
  for (const path of [
    "w/.env",
    "w/.env.local",
    "w/apps/x/.env.production",
    "w/.ENV",
    "w/server.key",
    "w/cert/tls.pem",
    "w/.npmrc",
    "w/id_rsa",
    "w/.ssh/config",
    "w/.aws/x",
    "~/.ssh/known",
    "~/.config/gh/hosts.yml",
    "~/.bash_history",
    "/etc/shadow",
    "/proc/self/environ",
    "/proc/12/environ",
    "w/credentials.json",
    "w/.envrc",
    "w/.env#backup",
    "w/.env2",
    "w/.env copy",
  ])
    expect(is(path), path).toBe(true);
  for (const path of [
    "w/.env.example",
    "w/.env.sample",
    "w/.env.local.template",
    "w/src/env.ts",
    "w/environment.env.ts",
    "w/keys.ts",
    "w/id_rsa.pub",
    "w/public.pem",
    "w/tokenizer.json",
    "w/.github/x",
    "~/notes",
    "/etc/hosts",
    "w/.environment",
  ])
    expect(is(path), path).toBe(false);
});

test("a tree that holds a credential is known before a recursive reader meets it", async () => {
  place = createPlace({ "src/a.ts": "a", "deep/.env": "K=1", "tracked/server.key": "k" });
  place.write("src/private.pem", "untracked");
  expect(await credentialInTree(join(place.workspace, "src"), "visible")).toBe(
    join(place.workspace, "src", "private.pem"),
  );
  expect(await credentialInTree(join(place.workspace, "deep"), "visible")).toBeNull();
  expect(await credentialInTree(join(place.workspace, "deep"), "all")).toBe(join(place.workspace, "deep", ".env"));
  expect(await credentialInTree(place.workspace, "tracked")).toBe("deep/.env");
  place.git("rm", "-rq", "--cached", "deep", "tracked");
  expect(await credentialInTree(place.workspace, "tracked")).toBeNull();
});

test("reading configuration: what cannot be read is named, never passed", () => {
  place = createPlace({ a: "a" });
  const path = join(place.workspace, ".git", "config");
  const problem = (text: string): string | null => {
    writeFileSync(path, text);
    return readGitConfigFacts(place.workspace).problem;
  };
  expect(problem("[core]\n\tbare = false\n\tfilemode\n; comment\n# comment\n[user] name = x\n")).toBeNull();
  expect(problem("[CORE]\n\tFsMonitor = x\n")).toBe("the key core.fsmonitor");
  expect(problem("[core] fsmonitor = x")).toBe("the key core.fsmonitor");
  expect(problem("[core]\n\tfsmonitor = false\n")).toBeNull();
  expect(problem('[diff "a\\"b"]\n\tcommand = x\n')).toBe('the key diff.a"b.command');
  expect(problem("[core]\r\n\tpager = x\r\n")).toBe("the key core.pager");
  expect(problem("[core]\n\tautocrlf = in\\\nput\n\tpager = x\n")).toBe("the key core.pager");
  expect(problem("nonsense\n")).toContain("a line that cannot be read");
  expect(problem('[color]\n\tpager = true\n[branch "x"]\n\tremote = y\n')).toBeNull();
  expect(problem('[status "x"]\n\thelper = y\n')).toBe("the key status.x.helper");
  mkdirSync(join(place.workspace, "deep"));
  expect(readGitConfigFacts(join(place.workspace, "deep")).problem).toBe("the key status.x.helper");
});
