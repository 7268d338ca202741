// Where a contestant works: a home of its own, a small project, its configuration pointed at the mock.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

export const LINES = 30;
export const TARGET = "target.txt";
const lineOf = (index) => `line ${index + 1} is still as it was\n`;

/** bmo's configuration for one wire format; the harness's own adapter speaks whichever BMO_BENCH_API names. */
function bmoConfiguration(type, url, model) {
  const base = type === "anthropic" ? url : `${url}/v1`;
  return `model = "mock/${model}"\n\n[providers.mock]\ntype = "${type}"\nbase_url = "${base}"\napi_key = "\${MOCK_KEY}"\n\n[[providers.mock.models]]\nid = "${model}"\ncontext_window = 400000\n`;
}

/** @param type wire format of bmo; other contestants speak their adapter's own */
export function preparePlace({ benchDirectory, name, adapter, url, bin, node24, type }) {
  const root = join(benchDirectory, "own", name);
  rmSync(root, { recursive: true, force: true });
  const place = { home: join(root, "home"), proj: join(root, "proj"), url, model: adapter.model, root, bin };
  for (const folder of [
    join(place.home, "tmp"),
    join(place.home, ".config"),
    join(place.home, ".cache"),
    join(place.home, ".local", "state"),
    place.proj,
  ])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(place.proj, "package.json"), '{"name":"fixture","version":"1.0.0","type":"module"}\n');
  const files =
    type === undefined ? adapter.files(place) : { ".bmo-home/bmo.toml": bmoConfiguration(type, url, adapter.model) };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place.home, file)), { recursive: true });
    writeFileSync(join(place.home, file), text);
  }
  place.env = {
    PATH: node24 === undefined ? process.env.PATH : `${node24}${delimiter}${process.env.PATH}`,
    HOME: place.home,
    TERM: "xterm-256color",
    LANG: "C.UTF-8",
    TMPDIR: join(place.home, "tmp"),
    SHELL: "/bin/bash",
    USER: "bench",
    XDG_CONFIG_HOME: join(place.home, ".config"),
    XDG_CACHE_HOME: join(place.home, ".cache"),
    XDG_STATE_HOME: join(place.home, ".local", "state"),
    DO_NOT_TRACK: "1",
    NO_UPDATE_NOTIFIER: "1",
    ...adapter.env(place),
  };
  return place;
}

export function resetTarget(place) {
  writeFileSync(join(place.proj, TARGET), Array.from({ length: LINES }, (_, index) => lineOf(index)).join(""));
}

/** The same edits for everyone, each in its own tool's words. */
export const edits = {
  bmo: (index) => ({
    tool: { name: "edit", args: { path: TARGET, old: lineOf(index), new: `line ${index + 1} was changed\n` } },
  }),
  pi: (index) => ({
    tool: {
      name: "edit",
      args: { path: TARGET, edits: [{ oldText: lineOf(index), newText: `line ${index + 1} was changed\n` }] },
    },
  }),
};

export const planCall = {
  tool: {
    name: "set_plan_artifact",
    args: {
      title: "Change the lines",
      summary: "Every line is changed.",
      tickets: [
        {
          id: "t1",
          title: "Edit",
          detail: "Change every line",
          files: [{ path: TARGET, action: "modify" }],
          commands: [],
          acceptance: ["every line is changed"],
          verify: [],
          depends_on: [],
          out_of_scope: ["anything else"],
        },
      ],
    },
  },
};
