// The fence itself, live: what a command inside can reach. Skipped where bubblewrap is missing.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { probeSandbox, type SandboxState } from "../../src/containment/probe.ts";
import { contain, createPlace, planOf, probeIn, sandboxFor, treeOf, type Place } from "./fixture.ts";
import { needBubblewrap } from "../support/need.ts";

const FILES = {
  "src/a.ts": "a\n",
  "top.txt": "top\n",
  ".env": "KEY=sesame-street\n",
  "certs/server.key": "PRIVATE sesame-street\n",
  ".gitignore": ".env\ncerts/\n",
};

const bubblewrap = needBubblewrap();

describe.skipIf(bubblewrap.missing)(bubblewrap.title("inside bubblewrap"), () => {
  let place: Place;
  let sandbox: SandboxState;
  const servers: Server[] = [];
  beforeEach(async () => {
    place = createPlace(FILES);
    mkdirSync(join(place.home, ".ssh"));
    writeFileSync(join(place.home, ".ssh", "id_ed25519"), "PRIVATE sesame-street\n");
    writeFileSync(join(place.home, ".npmrc"), "//registry/:_authToken=sesame-street\n");
    writeFileSync(join(place.home, "notes"), "readable\n");
    sandbox = await sandboxFor(place);
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    place.remove();
  });
  const plan = (command: string, more: Parameters<typeof contain>[2] = {}): ReturnType<typeof contain> =>
    contain(place, command, { stage: "plan", sandbox, ...more });

  test("it is found, tried and remembered", async () => {
    expect(await probeIn(place)).toMatchObject({ available: true, label: "bubblewrap" });
    expect(JSON.parse(readFileSync(join(place.data, "sandbox.json"), "utf8"))).toMatchObject({ problem: null });
    expect(await probeIn(place)).toEqual(sandbox);
  });

  test("the eight probes: nothing lands, git status answers", async () => {
    const before = treeOf(place.root, (path) => path.startsWith("data"));
    const probes = [
      "echo x > f",
      "touch f",
      'node -e \'require("fs").writeFileSync("f","")\'',
      "find . -exec touch f ';'",
      "git status > f",
      "cat top.txt | tee f",
      "sed -i s/t/u/ top.txt",
      "git commit --allow-empty -m x",
      "git config user.name x",
    ];
    for (const probe of probes) {
      const result = await plan(probe);
      expect(result.blocked).toBeNull();
      expect(`${result.exitCode} ${result.output}${result.notes.join()}`).toMatch(/[Rr]ead-only file system|EROFS/);
      expect(result.notes.join()).toMatch(/nothing can be written before a plan is approved|could not lock/);
    }
    const status = await plan("git status --short");
    expect(status).toMatchObject({ exitCode: 0, output: "" });
    expect(treeOf(place.root, (path) => path.startsWith("data"))).toEqual(before);
  });

  test("tests and builds may use the private temp, which lives on between commands of a session", async () => {
    const result = await plan(
      "echo t > /tmp/t && cat /tmp/t && echo $TMPDIR && touch $(mktemp) && echo shm > /dev/shm/x && echo ok",
    );
    expect(result.output).toBe("t\n/tmp\nok\n");
    expect(existsSync("/tmp/t")).toBe(false);
  });

  const secrets: [string, string][] = [
    ["the workspace's .env", "cat .env"],
    ["a key in the workspace", "cat certs/server.key"],
    ["ssh", "cat $HOME/.ssh/*"],
    ["npmrc", "cat $HOME/.npmrc"],
    ["a recursive reader", "grep -r sesame . $HOME; rg -uu sesame . $HOME"],
    ["the environment of the parent", "cat /proc/*/environ | tr '\\0' '\\n'"],
    ["its own environment", "env"],
    ["shadow", "cat /etc/shadow"],
  ];
  test.each(secrets)("%s stays closed", async (_what, command) => {
    const result = await plan(`${command}; echo end $(:)`, {
      environmentValues: { MY_API_KEY: "sesame-street", GH_TOKEN: "sesame-street", HARMLESS: "canary" },
    });
    expect(result.output).not.toContain("sesame");
    expect(result.output).not.toMatch(/^root:[$!*]/m);
    expect(result.output).toContain("end");
    if (command === "env") expect(result.output).toContain("HARMLESS=canary");
  });

  test("the workspace can be read; a home is an empty place", async () => {
    expect((await plan("cat top.txt; ls -A $HOME; cat $HOME/notes; cd && pwd")).output).toBe(
      `top\ncat: ${place.home}/notes: No such file or directory\n${place.home}\n`,
    );
  });

  test("sockets in the workspace, at home and under /run receive nothing; the same command without the fence reaches them", async () => {
    const heard: string[] = [];
    const runtime = join("/run", `bmo-test-${process.pid}`);
    const canRun = process.getuid?.() === 0;
    if (canRun) mkdirSync(runtime, { recursive: true });
    const paths = [
      join(place.workspace, "s.sock"),
      join(place.home, "h.sock"),
      ...(canRun ? [join(runtime, "r.sock")] : []),
    ];
    for (const path of paths) {
      const server = createServer((socket) => socket.on("data", () => heard.push(path)).on("error", () => undefined));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      servers.push(server);
    }
    const knock = `node -e 'for (const p of process.argv.slice(1)) require("net").connect(p, function () { this.end("x") }).on("error", (e) => console.log(e.code))' ${paths.join(" ")}`;
    const result = await plan(knock);
    expect(result.output.trim().split("\n")).toHaveLength(paths.length);
    expect(heard).toEqual([]);
    await contain(place, knock, { containment: "off" });
    expect([...heard].sort()).toEqual([...paths].sort());
  });

  test("no network but its own loopback", async () => {
    let connections = 0;
    const server = createServer(() => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await plan(`exec 3<>/dev/tcp/127.0.0.1/${port}`);
    expect(connections).toBe(0);
    const own = await plan(
      `node -e 'const s=require("http").createServer((q,r)=>r.end("own")).listen(0,()=>require("http").get({port:s.address().port},(r)=>r.on("data",(d)=>{console.log(String(d));process.exit()})))'`,
    );
    expect(own.output).toContain("own");
  });

  test("no capability, no way to remount, no other process, nothing left behind", async () => {
    const result = await plan(
      "grep CapEff /proc/self/status; mount -o remount,rw / ; touch /bmo-escaped; unshare -Um mount -o remount,rw / ; touch /bmo-escaped; echo x > /proc/sys/kernel/hostname; ls /proc | grep -c '^[0-9]'; (setsid sleep 1000 >/dev/null 2>&1 &)",
    );
    expect(result.output).toMatch(/CapEff:\s+0{16}/);
    expect(existsSync("/bmo-escaped")).toBe(false);
    expect(Number(result.output.trim().split("\n").at(-1))).toBeLessThan(8);
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).not.toBe("x\n");
  });

  test("execute: the workspace is writable, .git, credentials and home are not", async () => {
    const scope = planOf({ "**": "modify" });
    const result = await contain(
      place,
      "echo in > src/a.ts; echo x > .git/hooks/post-commit; echo x >> .git/config; echo x > .env; echo x > $HOME/escaped; echo x > $HOME/.ssh/authorized_keys; echo done $(:)",
      { plan: scope, sandbox },
    );
    expect(place.read("src/a.ts")).toBe("in\n");
    expect(place.read(".env")).toBe(FILES[".env"]);
    expect(existsSync(join(place.home, "escaped"))).toBe(false);
    expect(existsSync(join(place.home, ".ssh", "authorized_keys"))).toBe(false);
    expect(existsSync(join(place.workspace, ".git", "hooks", "post-commit"))).toBe(false);
    expect(result.output).toContain("done");
    expect(result.notes.join()).toContain("the sandbox refused a write");
  });

  test("execute: a planned commit works, hooks and configuration stay closed to it", async () => {
    const scope = planOf({ "src/**": "modify" }, ["git *"]);
    const commit = await contain(
      place,
      "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m planned && git log --format=%s -1",
      { plan: planOf({ "src/**": "modify" }, ["bash(git *)"]), sandbox },
    );
    expect(commit.output).toContain("planned");
    expect(commit.rolledBack).toEqual([]);
    const configured = await contain(place, "git config core.fsmonitor 'touch pwned'", { plan: scope, sandbox });
    expect(configured.exitCode).not.toBe(0);
    expect(place.git("config", "--list")).not.toContain("fsmonitor");
  });

  test("execute: new credentials are put back even where they are ignored", async () => {
    const result = await contain(place, "echo KEY=1 > src/.env.local; echo $(echo x) > certs/new.pem", {
      plan: planOf({ "src/**": "modify" }),
      sandbox,
    });
    expect(result.rolledBack.sort()).toEqual(["certs/new.pem", "src/.env.local"]);
  });
});

test("a sandbox that is there and broken is told apart from a working one", async () => {
  const place = createPlace({}, false);
  try {
    const folder = join(place.root, "bin");
    mkdirSync(folder);
    writeFileSync(join(folder, "bwrap"), "#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n");
    chmodSync(join(folder, "bwrap"), 0o755);
    const options = { platform: "linux", workspace: place.workspace, dataDirectory: place.data };
    expect(await probeSandbox({ ...options, searchPath: folder })).toEqual({
      available: false,
      program: null,
      label: expect.stringContaining("setting up uid map") as string,
      reason: expect.stringContaining("does not work here") as string,
    });
    writeFileSync(join(folder, "bwrap"), '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n');
    expect(await probeSandbox({ ...options, searchPath: folder })).toMatchObject({ available: false });
    expect(await probeSandbox({ ...options, searchPath: place.workspace })).toMatchObject({
      available: false,
      reason: "bubblewrap is not installed",
    });
    expect(await probeSandbox({ ...options, platform: "freebsd", searchPath: folder })).toMatchObject({
      available: false,
      reason: "no sandbox on freebsd",
    });
  } finally {
    place.remove();
  }
});
