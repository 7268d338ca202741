// The scripted replies of the demo, in the format of the provider `script`: a planner that reads and hands in a plan,
// an executor that edits and tests. Only these replies are made up; tools, plan, approval and the test are real.

import type { Json, JsonObject } from "../types/json.ts";

const PLAN: JsonObject = {
  title: "Count quantities in the cart's total",
  summary:
    "total() in src/cart.js adds up prices and leaves the quantities out; two tests fail because of it. One line is to be changed.",
  tickets: [
    {
      id: "t1",
      title: "Multiply each price by its quantity",
      detail: "In total() of src/cart.js, add item.price * item.quantity for each item.",
      phase: "debug",
      files: [{ path: "src/cart.js", action: "modify" }],
      commands: ["node --test"],
      acceptance: ["total() of 3 apples at 30 and 1 bread at 250 is 340", "all tests pass"],
      verify: ["node --test"],
      depends_on: [],
      out_of_scope: ["receipt layout", "the tests"],
    },
  ],
  network: false,
  open_questions: [],
  decisions: ["The receipt is left as it is: it takes its total from total()."],
};

/** The one change that makes the sample's test pass. */
const EDIT: JsonObject = {
  path: "src/cart.js",
  old: "return cart.reduce((sum, item) => sum + item.price, 0);",
  new: "return cart.reduce((sum, item) => sum + item.price * item.quantity, 0);",
};

function usage(input: number, output: number, cacheRead: number): Json {
  return { input, output, cache_read: cacheRead, cache_write: 0 };
}

/** `paceMs` = pause between two words; 0 = none. */
export function demoScript(paceMs: number): JsonObject {
  const pace: JsonObject = paceMs > 0 ? { pace_ms: paceMs } : {};
  return {
    description: "The replies of the demo. No model is called.",
    scenes: [
      {
        when: { tools_include: "set_plan_artifact" },
        replies: [
          {
            ...pace,
            text: "I look at the failing test and at the code it tests.",
            calls: [
              { name: "view", input: { path: "test/cart.test.js" } },
              { name: "view", input: { path: "src/cart.js" } },
            ],
            usage: usage(2_100, 120, 0),
          },
          {
            ...pace,
            text: "The total leaves the quantities out. Here is the plan.",
            calls: [{ name: "set_plan_artifact", input: PLAN }],
            usage: usage(900, 410, 2_100),
          },
          { text: "The plan is as handed in.", usage: usage(300, 20, 3_000) },
        ],
      },
      {
        when: { tools_include: "edit" },
        replies: [
          {
            ...pace,
            text: "I carry out the plan.",
            calls: [{ name: "view", input: { path: "src/cart.js" } }],
            usage: usage(1_900, 60, 0),
          },
          { calls: [{ name: "edit", input: EDIT }], usage: usage(500, 130, 1_900) },
          { calls: [{ name: "bash", input: { command: "node --test" } }], usage: usage(300, 40, 2_400) },
          {
            ...pace,
            text: "The total now counts quantities: `total()` in src/cart.js multiplies each price by its quantity, and all four tests pass.",
            usage: usage(600, 70, 2_700),
          },
        ],
      },
    ],
  };
}
