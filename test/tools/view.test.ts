import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdirSync, openSync, closeSync, symlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/util/canonical-json.ts";
import { createWorkspace } from "./tool-harness.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe("view", () => {
  test("numbers lines, whole or by range, and remembers the digest of all bytes", async () => {
    const workspace = createWorkspace();
    const path = workspace.put("a.txt", "one\ntwo\r\nthree\rfour");
    expect(await workspace.text("view", { path: "a.txt" })).toBe(
      "1|one\n2|two\n3|three\n4|four\n[no newline at the end]",
    );
    expect(await workspace.text("view", { path: "a.txt", offset: 2, limit: 2 })).toBe(
      "2|two\n3|three\n[lines 2-3 of 4; continue with offset 4]",
    );
    expect(workspace.readFiles.get(path)).toBe(sha256("one\ntwo\r\nthree\rfour"));
    expect(await workspace.text("view", { path: "a.txt", offset: 9 })).toBe(
      "ERROR a.txt has 4 lines; offset 9 is beyond its end",
    );
    workspace.put("empty.txt", "");
    expect(await workspace.text("view", { path: join(workspace.root, "empty.txt") })).toBe("empty.txt: empty file");
  });

  test("caps lines and long lines", async () => {
    const workspace = createWorkspace();
    workspace.put("long.txt", `${"x".repeat(5_000)}\n${"line\n".repeat(3_000)}`);
    const text = await workspace.text("view", { path: "long.txt" });
    expect(text.startsWith(`1|${"x".repeat(2_000)} [… 3000 more characters]\n2|line\n`)).toBe(true);
    expect(text.endsWith("1000|line\n[lines 1-1000 of 3001; continue with offset 1001]")).toBe(true);
    workspace.put("wide.txt", `${"y".repeat(1_500)}\n`.repeat(200));
    const wide = await workspace.text("view", { path: "wide.txt" });
    expect(wide.length).toBeLessThan(62_000);
    expect(wide).toMatch(/\[lines 1-40 of 200; continue with offset 41\]$/);
  });

  test("a huge file is read in ranges with bounded memory", async () => {
    const workspace = createWorkspace();
    const path = workspace.put("huge.txt", "");
    const file = openSync(path, "w");
    const block = Buffer.from(`${"a".repeat(99)}\n`.repeat(10_000));
    for (let index = 0; index < 60; index++) writeSync(file, block);
    closeSync(file);
    expect(await workspace.text("view", { path: "huge.txt", offset: 599_999 })).toBe(
      `599999|${"a".repeat(99)}\n600000|${"a".repeat(99)}\n[lines 599999-600000 of 600000]`,
    );
    expect(await workspace.text("edit", { path: "huge.txt", old: "a", new: "b" })).toBe(
      "ERROR edit: huge.txt: is larger than 16 MB and cannot be edited here",
    );
  });

  test("control and invisible characters are shown, never sent raw", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "a\x1b[31m\u202eb\u200b\n");
    expect(await workspace.text("view", { path: "a.txt" })).toBe("1|a<U+001B>[31m<U+202E>b<U+200B>");
  });

  test("encodings: BOM dropped, UTF-16 read only, invalid bytes and binary data said", async () => {
    const workspace = createWorkspace();
    workspace.put("bom.txt", "\ufeffone\n");
    workspace.put("wide.txt", Buffer.from("\ufeffh\u00e9\n", "utf16le"));
    workspace.put("latin.txt", Buffer.from([0x61, 0xe9, 0x0a]));
    workspace.put("data.bin", Buffer.from([1, 0, 2]));
    workspace.put("cut.txt", `${"x".repeat(8_191)}é\n`);
    expect(await workspace.text("view", { path: "bom.txt" })).toBe("1|one");
    expect(await workspace.text("view", { path: "wide.txt" })).toBe("1|hé\n[utf-16le: can be read, not edited]");
    expect(await workspace.text("view", { path: "latin.txt" })).toBe(
      "1|a\ufffd\n[holds bytes that are not UTF-8, shown as \ufffd: it may not be editable]",
    );
    expect(await workspace.text("view", { path: "data.bin" })).toBe("ERROR data.bin: binary file, 3 bytes; not shown");
    expect(await workspace.text("view", { path: "cut.txt" })).not.toContain("\ufffd");
  });

  test("images go out as images where the model takes them", async () => {
    const sighted = createWorkspace();
    sighted.put("dot.png", PNG);
    expect((await sighted.call("view", { path: "dot.png" })).content).toEqual([
      { type: "text", text: `dot.png: image/png, ${PNG.length} bytes` },
      { type: "image", mediaType: "image/png", data: PNG.toString("base64") },
    ]);
    const blind = createWorkspace({ acceptsImages: false });
    blind.put("dot.png", PNG);
    expect(await blind.text("view", { path: "dot.png" })).toBe(
      `ERROR dot.png: image/png, ${PNG.length} bytes. The current model takes no images`,
    );
  });

  test("folders list their entries", async () => {
    const workspace = createWorkspace();
    workspace.put("b.txt", "");
    workspace.put("sub/c.txt", "");
    workspace.put(".env", "KEY=1");
    workspace.put("odd\nname", "");
    symlinkSync("b.txt", join(workspace.root, "link"));
    workspace.protectedPaths.add(".env");
    expect(await workspace.text("view", { path: "." })).toBe(
      "./ (5 entries)\n.env (credentials: not readable)\nb.txt\nlink@\nodd\\nname\nsub/",
    );
  });

  test("missing files, credentials, fifos, sockets, devices and loops are named, never opened", async () => {
    const workspace = createWorkspace();
    workspace.put("config.ts", "");
    workspace.put("lib/helper.ts", "");
    workspace.put(".env", "KEY=secret");
    workspace.protectedPaths.add(".env");
    symlinkSync(".env", join(workspace.root, "innocent.txt"));
    symlinkSync("loop", join(workspace.root, "loop"));
    execFileSync("mkfifo", [join(workspace.root, "pipe")]);
    const server = createServer().listen(join(workspace.root, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await workspace.text("view", { path: "confg.ts" })).toBe(
      "ERROR confg.ts: no such file. Did you mean config.ts?",
    );
    expect(await workspace.text("view", { path: "src/helper.ts" })).toBe(
      "ERROR src/helper.ts: no such file. Did you mean lib/helper.ts?",
    );
    expect(await workspace.text("view", { path: "innocent.txt" })).toBe(
      "ERROR view: credential files are not read; ask the user if its content is needed",
    );
    expect(await workspace.text("view", { path: "pipe" })).toBe("ERROR pipe: is a fifo; only regular files are opened");
    expect(await workspace.text("view", { path: "socket" })).toBe(
      "ERROR socket: is a socket; only regular files are opened",
    );
    expect(await workspace.text("view", { path: "/dev/zero" })).toBe(
      "ERROR /dev/zero: is a device; only regular files are opened",
    );
    expect(await workspace.text("view", { path: "loop" })).toMatch(/^ERROR view: .*loop/);
    expect(await workspace.text("view", { path: "x".repeat(300) })).toBe(
      "ERROR view: a name in the path is too long (file systems take 255 bytes)",
    );
    server.close();
  });

  test("an abort ends the reading with a result", async () => {
    const workspace = createWorkspace();
    workspace.put("a.txt", "x\n");
    workspace.context.signal = AbortSignal.abort();
    expect(await workspace.text("view", { path: "a.txt" })).toBe("ERROR view: stopped by the user");
  });

  test("what policy let through outside the workspace is read under its full path", async () => {
    const workspace = createWorkspace();
    mkdirSync(join(workspace.root, "../other"));
    workspace.put("../other/a.txt", "x\n");
    expect(await workspace.text("view", { path: "../other/a.txt" })).toBe("1|x");
  });
});
