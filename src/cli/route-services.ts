// What `bmo route` reads: sessions, case files, another configuration.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { findSession } from "../session/list.ts";
import { readSession } from "../session/reader.ts";
import { replay } from "../session/replay.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { routerTables } from "./router-parts.ts";
import type { App } from "./app.ts";
import type { RecordedSession, RouteServices } from "./route-command.ts";
import type { Usage } from "../types/provider.ts";

function addUsage(left: Usage | undefined, right: Usage): Usage {
  if (left === undefined) return right;
  return {
    input: left.input + right.input,
    output: left.output + right.output,
    cache_read: left.cache_read + right.cache_read,
    cache_write: left.cache_write + right.cache_write,
  };
}

function fileError(thrown: unknown, path: string, verb: string): BmoError {
  return new BmoError("usage", `${path} cannot be ${verb} (${systemErrorCode(thrown) ?? "unknown error"})`, null, {
    cause: thrown,
  });
}

export function routeServices(app: Pick<App, "loaded" | "registry" | "dataDirectory">): RouteServices {
  const place = (path: string): string => resolve(process.cwd(), path);
  return {
    settings: app.loaded().settings,
    parts: { registry: app.registry(), ...routerTables },
    readSession(idOrPath): Promise<RecordedSession> {
      const path = existsSync(place(idOrPath)) ? place(idOrPath) : findSession(app.dataDirectory, idOrPath).path;
      const { header, records, notices } = readSession(path);
      const { routes, ledger } = replay(header, records);
      const texts = new Map(
        records.flatMap((record) => (record.type === "turn_start" ? [[record.turn, record.text] as const] : [])),
      );
      const usage = new Map<string, Usage>();
      for (const entry of ledger)
        if (entry.route !== null && entry.purpose === "main")
          usage.set(entry.route, addUsage(usage.get(entry.route), entry.usage));
      return Promise.resolve({ id: header.id, routes, texts, usage, notices });
    },
    async readText(path) {
      try {
        return await readFile(place(path), "utf8");
      } catch (thrown) {
        throw fileError(thrown, path, "read");
      }
    },
    async writeText(path, text) {
      try {
        await writeFile(place(path), text);
      } catch (thrown) {
        throw fileError(thrown, path, "written");
      }
    },
  };
}
