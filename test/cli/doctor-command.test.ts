// `bmo doctor`: every row with its remedy, the exit code, the JSON.

import { join } from "node:path";
import { expect, test } from "vitest";
import { runDoctor, type DoctorRow, type DoctorServices } from "../../src/cli/doctor-command.ts";
import { createPlace, load, type Place } from "../config/home.ts";
import { createIo } from "./io.ts";
import { createTestRegistry, modelInfo, type ProviderFacts } from "./registry.ts";

function services(place: Place, providers: ProviderFacts[], change: Partial<DoctorServices> = {}): DoctorServices {
  return {
    load: () => load(place),
    registry: () =>
      createTestRegistry(
        providers.map(({ id }) => modelInfo(`${id}/m`)),
        providers,
      ),
    version: (program) => Promise.resolve(`${program} 1.0`),
    sandbox: () => Promise.resolve({ works: true, detail: "bubblewrap 0.8" }),
    terminal: { stdin: true, stdout: true, columns: 100 },
    ...change,
  };
}

async function rowsOf(
  place: Place,
  given: DoctorServices,
): Promise<{ code: number; rows: Record<string, DoctorRow[]> }> {
  const io = createIo({ ...place, json: true, environment: { TERM: "xterm" } });
  const code = await runDoctor(io, given);
  const { checks } = JSON.parse(io.out()) as { checks: DoctorRow[] };
  const rows: Record<string, DoctorRow[]> = {};
  for (const row of checks) (rows[row.name] ??= []).push(row);
  return { code, rows };
}

test("all well: exit 0, one line for each check, no remedies", async () => {
  const place = createPlace();
  const io = createIo({ ...place, environment: { TERM: "xterm" } });
  expect(
    await runDoctor(io, services(place, [{ id: "a", hasCredentials: true, check: { ok: true, detail: "answers" } }])),
  ).toBe(0);
  expect(
    io
      .out()
      .split("\n")
      .map((line) => line.slice(0, 18).trim()),
  ).toEqual([
    "ok    node",
    "ok    configuratio",
    "ok    provider a",
    "ok    git",
    "ok    ripgrep",
    "ok    sandbox",
    "ok    terminal",
    "ok    data folder",
    "ok    disk",
    "",
  ]);
  expect(io.out()).toContain(join(place.home, ".local/state/bmo"));
});

test("what fails names its remedy and makes the exit code 1; what is merely missing warns", async () => {
  const place = createPlace();
  place.write(place.userFile, 'modle = 1\n[providers.b]\napi_key = "${B_KEY}"\n');
  place.write(join(place.home, ".local/state"), "a file where a folder should be");
  const { code, rows } = await rowsOf(
    place,
    services(
      place,
      [
        { id: "a", hasCredentials: true, check: { ok: false, detail: "401" } },
        { id: "b", hasCredentials: false },
      ],
      {
        version: (program) => Promise.resolve(program === "git" ? "git 2" : null),
        sandbox: () => Promise.resolve({ works: false, detail: "no user namespaces" }),
        terminal: { stdin: true, stdout: false, columns: null },
      },
    ),
  );
  expect(code).toBe(1);
  expect(
    Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, list.map(({ state }) => state)])),
  ).toEqual({
    node: ["ok"],
    configuration: ["ok", "warn"],
    "provider a": ["fail"],
    "provider b": ["warn"],
    git: ["ok"],
    ripgrep: ["warn"],
    sandbox: ["warn"],
    terminal: ["warn"],
    "data folder": ["fail"],
  });
  expect(rows["provider b"]?.[0]?.remedy).toBe("Set B_KEY, which [providers.b] asks for.");
  for (const row of Object.values(rows).flat())
    expect(row.state === "ok" || (row.remedy ?? "").length > 10, row.name).toBe(true);
});

test("broken configuration and missing credentials", async () => {
  const place = createPlace();
  const none = await rowsOf(place, services(place, []));
  expect([none.code, none.rows["credentials"]?.[0]?.state]).toEqual([1, "fail"]);
  place.write(place.userFile, "model = [\n");
  const broken = await rowsOf(place, services(place, []));
  expect([broken.code, broken.rows["configuration"]?.[0]?.state, broken.rows["credentials"]]).toEqual([
    1,
    "fail",
    undefined,
  ]);
  expect(broken.rows["configuration"]?.[0]?.detail).toContain(`${place.userFile}:`);
});
