// What a run shows while it works: keys in use are taken out of every event, in pieces too, and out of the user's own
// words.

import { expect, test } from "vitest";
import { planInput, planThen, scene, ticket } from "./scenario.ts";
import { bash } from "./containment-scene.ts";

const KEY = "test-key-other-0123456789abcdefgh";
const OTHER = `[providers.other]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "${KEY}"\n[[providers.other.models]]\nid = "m"\n`;

const COMMANDS = [
  "cat key",
  "cat key >&2",
  "head -c 12 key; sleep 0.4; tail -c +13 key",
  "base64 -w0 key",
  "od -An -v -tx1 key | tr -d ' \\n'",
  "head -c 12 key; printf '\\033[0m'; tail -c +13 key",
  "cat key; exit 3",
];

test("no event of a run carries a key in use: not what commands print, whole, in pieces or spelled otherwise, not verify, not the prompt", async () => {
  const plan = planInput([
    ticket(
      "t1",
      { "a.txt": "modify" },
      { commands: ["bash"], verify: ["cat key", "head -c 12 key; sleep 0.4; tail -c +13 key"] },
    ),
  ]);
  const { place } = await scene(
    { replies: planThen(plan, [{ calls: COMMANDS.map((command) => bash(command)) }, { text: "done" }]) },
    { tables: OTHER },
  );
  place.file("a.txt", "a\n");
  place.file("key", KEY);
  const finished = await place.run(["-p", "--approve", "--output-format", "stream-json", `look at ${KEY}`]);
  expect(finished.code).toBe(0);
  const events = finished.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; text?: string; call_id?: string });
  const shown = new Map<string, string>();
  for (const { type, text, call_id } of events)
    if (type === "tool_delta" && call_id !== undefined) shown.set(call_id, (shown.get(call_id) ?? "") + (text ?? ""));
  expect([...shown.values()].map((text) => text.trim())).toEqual(
    [...COMMANDS, "verify", "verify"].map(() => "[redacted]"),
  );
  const spellings = [KEY, Buffer.from(KEY).toString("hex"), Buffer.from(KEY).toString("base64").replace(/=+$/, "")];
  for (const spelling of spellings)
    expect([
      finished.stdout.includes(spelling),
      finished.stderr.includes(spelling),
      ...[...shown.values()].map((text) => text.includes(spelling)),
    ]).not.toContain(true);
});
