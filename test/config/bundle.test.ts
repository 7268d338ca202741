// Loading works in a bundle too: there, packages that are not ES modules come in another form than under plain Node.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { createPlace } from "./home.ts";

test("a bundle like the shipped one reads TOML, JSON and YAML", async () => {
  const place = createPlace();
  const entry = join(place.root, "entry.ts");
  const load = fileURLToPath(new URL("../../src/config/load.ts", import.meta.url));
  writeFileSync(
    entry,
    `import { loadSettings } from ${JSON.stringify(load)};
const loaded = await loadSettings({ workspace: process.argv[2] ?? "", environment: {}, flags: [], configFile: null, isTrusted: () => true, homeDirectory: process.argv[3] ?? "" });
process.stdout.write(String(loaded.settings.model));`,
  );
  await build({
    entryPoints: [entry],
    outdir: join(place.root, "dist"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minify: true,
    external: ["typescript"],
    absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
    banner: {
      js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);",
    },
  });
  const run = (): string =>
    execFileSync(process.execPath, [join(place.root, "dist", "entry.mjs"), place.workspace, place.home], {
      encoding: "utf8",
    });
  place.write(place.userFile, 'model = "user/toml"\n');
  const models = [run()];
  place.write(join(place.workspace, "bmo.toml"), 'model = "project/toml"\n');
  models.push(run());
  place.write(join(place.workspace, ".bmorc.yaml"), "model: project/yaml\n");
  models.push(run());
  place.write(join(place.workspace, ".bmorc.json"), '{"model": "project/json"}');
  models.push(run());
  expect(models).toEqual(["user/toml", "project/toml", "project/yaml", "project/json"]);
});
