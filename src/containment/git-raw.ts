// What git prints and reads between NUL bytes: paths, differences, modes. Pure.

import { nameFromBytes, systemPath } from "../util/raw-path.ts";
import type { StoredFile, TreeChange } from "./tree-store.ts";

const LINK = "120000";
export const GITLINK = "160000";
const NOTHING = /^0+$/;

/** Fields between NUL bytes; one that is no text keeps its bytes as `util/raw-path.ts` has them. */
export function fieldsOf(output: Buffer): string[] {
  const fields: string[] = [];
  for (let start = 0; start < output.length;) {
    const end = output.indexOf(0, start);
    const field = output.subarray(start, end === -1 ? output.length : end);
    fields.push(nameFromBytes(field));
    start += field.length + 1;
  }
  return fields;
}

export function parseRaw(output: Buffer): TreeChange[] {
  const fields = fieldsOf(output);
  const changes: TreeChange[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const match = /^:(\d{6}) (\d{6}) ([0-9a-f]+) [0-9a-f]+ ([A-Z])/.exec(fields[index] ?? "");
    const path = fields[index + 1] ?? "";
    if (match === null || path === "" || match[1] === GITLINK || match[2] === GITLINK) continue;
    const [, mode = "", newMode = "", id = "", status] = match;
    changes.push({
      path,
      before: NOTHING.test(mode) ? null : storedBy(mode, id),
      exists: status !== "D" && !NOTHING.test(newMode),
    });
  }
  return changes;
}

export function storedBy(mode: string, id: string): StoredFile {
  return { kind: mode === LINK ? "link" : "file", executable: mode === "100755", id, own: false };
}

export function inputOf(paths: readonly string[]): Buffer {
  return Buffer.concat(paths.flatMap((path) => [Buffer.from(systemPath(path)), Buffer.from([0])]));
}
