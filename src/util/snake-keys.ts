// Keys of JSON that is printed: the program's own camelCase becomes snake_case. What models, vendors and plans named
// stays as it is.

import type { Json } from "../types/json.ts";

/** Members whose own keys are somebody else's names: arguments of a tool, a vendor's data, ids of tickets. */
const NAMED_ELSEWHERE: ReadonlySet<string> = new Set(["input", "providerData", "tickets"]);
const CAMEL_CASE = /^[a-z]+(?:[A-Z][a-z]+)+$/;

/** A value of the program's own as JSON that is printed; `undefined` is null. */
export function printedJson(value: unknown): Json {
  return value === undefined ? null : snakeKeys(JSON.parse(JSON.stringify(value)) as Json);
}

function snakeKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (value === null || typeof value !== "object") return value;
  const renamed = Object.entries(value).map(([key, member]): [string, Json] => {
    const name = CAMEL_CASE.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key;
    return [name, NAMED_ELSEWHERE.has(key) && !Array.isArray(member) ? member : snakeKeys(member)];
  });
  return Object.fromEntries(renamed);
}
