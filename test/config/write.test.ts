// The line editor of the user's file: what it means is what comes out, and everything else stays byte for byte.

import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  lstatSync,
  statSync,
  symlinkSync,
  writeFileSync,
  readdirSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { describe, expect, test } from "vitest";
import { parseKey } from "../../src/config/keys.ts";
import { editToml, setUserSetting, type SettingValue } from "../../src/config/write.ts";
import { BmoError } from "../../src/util/errors.ts";

const edit = (text: string, key: string, value: SettingValue): Promise<string> =>
  editToml(text, parseKey(key), value, "bmo.toml");

describe("editToml", () => {
  test.each<[string, string, string, SettingValue, string]>([
    ["replaces a value and keeps its comment", 'model = "a/b"  # mine\n', "model", "c/d", 'model = "c/d"  # mine\n'],
    [
      "adds a top-level key before the first table",
      "# head\n\n[options.gate]\nenabled = true\n",
      "model",
      "a/b",
      '# head\n\nmodel = "a/b"\n[options.gate]\nenabled = true\n',
    ],
    [
      "adds to an existing table, before the next one's comment",
      "[options.gate]\nenabled = true\n\n# next\n[permissions]\n",
      "options.gate.model",
      "a/b",
      '[options.gate]\nenabled = true\nmodel = "a/b"\n\n# next\n[permissions]\n',
    ],
    [
      "adds a new table at the end",
      "model = 'a/b'\n",
      "options.gate.enabled",
      true,
      "model = 'a/b'\n\n[options.gate]\nenabled = true\n",
    ],
    [
      "goes beside dotted keys, whose table cannot be opened again",
      "[options]\ngate.enabled = true\n",
      "options.gate.model",
      "a/b",
      '[options]\ngate.enabled = true\ngate.model = "a/b"\n',
    ],
    [
      "edits inside an inline table",
      "[options]\ngate = { enabled = true } # x\n",
      "options.gate.enabled",
      false,
      "[options]\ngate = { enabled = false } # x\n",
    ],
    [
      "replaces a list over several lines",
      '[permissions]\nallow = [\n  "view", # one\n  "grep",\n]\nmode = "plan"\n',
      "permissions.allow",
      ["edit"],
      '[permissions]\nallow = ["edit"]\nmode = "plan"\n',
    ],
    [
      "replaces a long text that holds what looks like a key",
      'model = """\nmodel = "x" ]\n"""\n[permissions]\n',
      "model",
      "a/b",
      'model = "a/b"\n[permissions]\n',
    ],
    ["removes a key with its line", "a = 1\nmodel = 'a/b' # mine\nb = 2\n", "model", null, "a = 1\nb = 2\n"],
    ["removing what is not there changes nothing", "a = 1", "options.gate.model", null, "a = 1"],
    ["keeps CRLF and a missing last line feed", "a = 1\r\nb = 2", "c", 3, "a = 1\r\nb = 2\r\nc = 3\r\n"],
    ["writes into an empty file", "", "options.gate.model", "a/b", '[options.gate]\nmodel = "a/b"\n'],
    [
      "quotes odd names",
      "",
      'providers."a b".api_key',
      'x"\\\u007f\n',
      '[providers."a b"]\napi_key = "x\\"\\\\\\u007F\\n"\n',
    ],
  ])("%s", async (_name, before, key, value, after) => {
    expect(await edit(before, key, value)).toBe(after);
  });

  test("refuses a broken file and a key below a list of tables, changing nothing", async () => {
    await expect(edit("model = \n", "model", "x")).rejects.toThrow(/bmo\.toml:1:\d+: broken TOML/);
    await expect(edit('[[providers.x.models]]\nid = "a"\n', "providers.x.models.id", "b")).rejects.toBeInstanceOf(
      BmoError,
    );
  });

  const name = fc.oneof(
    fc.constantFrom("a", "b", "c", "gate", "x-1"),
    fc.string({ minLength: 1, maxLength: 4, unit: "grapheme-ascii" }),
  );
  const leaf = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.integer(),
    fc.boolean(),
    fc.array(fc.string({ maxLength: 4 }), { maxLength: 3 }),
  );
  const tree = fc.letrec((tie) => ({
    table: fc.dictionary(name, fc.oneof({ depthSize: "small", maxDepth: 3 }, leaf, tie("table")), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  })).table;

  test("parsing the edited text gives the tree with exactly that key changed, for any document", async () => {
    const set = (object: Record<string, unknown>, path: string[], value: SettingValue): boolean => {
      let at = object;
      for (const segment of path.slice(0, -1)) {
        const next = at[segment];
        if (next === undefined) {
          if (value === null) return true;
          at[segment] = {};
        } else if (typeof next !== "object" || next === null || Array.isArray(next)) return false;
        at = at[segment] as Record<string, unknown>;
      }
      const last = path.at(-1) ?? "";
      if (typeof at[last] === "object" && !Array.isArray(at[last])) return false;
      if (value === null) delete at[last];
      else at[last] = value;
      return true;
    };
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.array(name, { minLength: 1, maxLength: 3 }),
        fc.oneof(leaf, fc.constant(null)),
        async (document, path, value) => {
          const text = stringify(document as Record<string, unknown>)
            .split("\n")
            .map((line, index) => (line === "" || index % 3 !== 0 ? line : `${line} # note ${index}`))
            .join("\n");
          const wanted = parse(text);
          if (!set(wanted, path, value as SettingValue)) return;
          const edited = await editToml(text, path, value as SettingValue, "f.toml");
          expect(JSON.parse(JSON.stringify(parse(edited)))).toEqual(JSON.parse(JSON.stringify(wanted)));
          const comments = (one: string): number => one.split("# note").length;
          expect(comments(edited)).toBeGreaterThanOrEqual(comments(text) - 1);
          checked += 1;
        },
      ),
      { numRuns: 500, seed: 20261121 },
    );
    expect(checked).toBeGreaterThan(300);
  });
});

describe("setUserSetting", () => {
  test("creates folder and file for the owner alone, keeps the mode of an existing one, writes through a link", async () => {
    const root = mkdtempSync(join(tmpdir(), "bmo-write-"));
    const file = join(root, "new", "bmo.toml");
    await setUserSetting(file, "model", "a/b");
    expect(readFileSync(file, "utf8")).toBe('model = "a/b"\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);

    mkdirSync(join(root, "dotfiles"));
    writeFileSync(join(root, "dotfiles", "real.toml"), "# mine\n", { mode: 0o640 });
    const linked = join(root, "linked.toml");
    symlinkSync(join(root, "dotfiles", "real.toml"), linked);
    await setUserSetting(linked, "options.gate.enabled", true);
    expect(lstatSync(linked).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(root, "dotfiles", "real.toml"), "utf8")).toBe(
      "# mine\n\n[options.gate]\nenabled = true\n",
    );
    expect(statSync(join(root, "dotfiles", "real.toml")).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(root, "dotfiles"))).toEqual(["real.toml"]);
  });

  test("a broken file is named and stays as it is", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "bmo-write-")), "bmo.toml");
    writeFileSync(file, "model = [\n");
    await expect(setUserSetting(file, "model", "x")).rejects.toThrow(file);
    expect(readFileSync(file, "utf8")).toBe("model = [\n");
  });
});
