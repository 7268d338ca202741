// `bmo config` on real files.

import { join } from "node:path";
import { expect, test } from "vitest";
import { configCommand } from "../../src/cli/config-command.ts";
import { createPlace, failure, inputOf, type Place } from "../config/home.ts";
import { callSubcommand, createIo, type TestIo } from "./io.ts";

const config = (args: string[], io: TestIo, place: Place): Promise<number> =>
  callSubcommand(configCommand, args, { io, ground: { input: inputOf(place) } });

test("show prints every key with its origin, a table or one key on demand, and JSON", async () => {
  const place = createPlace();
  place.write(place.userFile, 'model = "a/b"\nmodle = 1\n[providers.a]\napi_key = "very-secret"\n');
  const io = createIo(place);
  expect(await config([], io, place)).toBe(0);
  expect(
    io
      .out()
      .split("\n")
      .find((line) => line.startsWith("model =")),
  ).toMatch(new RegExp(`^model = "a/b" +# ${place.userFile}$`));
  expect(io.out()).toMatch(/^options\.gate\.enabled = false +# default$/m);
  expect(io.out()).not.toContain("very-secret");
  expect(io.err()).toBe(`bmo: ${place.userFile}: unknown key modle is ignored; did you mean model?\n`);

  const part = createIo({ ...place, json: true });
  await config(["show", "options.gate"], part, place);
  expect(JSON.parse(part.out())).toEqual({
    settings: [
      { key: "options.gate.enabled", value: false, origin: "default" },
      { key: "options.gate.model", value: null, origin: "default" },
    ],
    files: [place.userFile],
    notices: [`${place.userFile}: unknown key modle is ignored; did you mean model?`],
    untrusted: [],
  });
  expect((await failure(config(["show", "nope"], createIo(place), place))).code).toBe("usage");
});

test("path names the user's file also when it is not there, and the project's", async () => {
  const place = createPlace();
  const project = place.write(join(place.workspace, ".bmorc.toml"), "");
  const io = createIo(place);
  await config(["path"], io, place);
  expect(io.out()).toBe(`${place.userFile}  (not there yet)\n${project}\n`);
});

test("validate: the files that are fine, or the mistake as an error or as JSON", async () => {
  const place = createPlace();
  const io = createIo(place);
  expect(await config(["validate"], io, place)).toBe(0);
  expect(io.out()).toBe("no configuration file: the defaults count\n");
  place.write(place.userFile, "model = 5\n");
  expect((await failure(config(["validate"], createIo(place), place))).message).toContain("model is 5");
  const json = createIo({ ...place, json: true });
  expect(await config(["validate"], json, place)).toBe(2);
  expect(JSON.parse(json.out())).toMatchObject({ valid: false, error: { code: "configuration" } });
  expect((await failure(config(["edit"], createIo(place), place))).hint).toBe(
    "bmo config [show [key] | path | validate] [--preset <name[,name]>]",
  );
});
