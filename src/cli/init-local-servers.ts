// Looks for model servers on this machine. Loopback only, a short time limit, and only what answers like one counts.

import { request } from "node:http";
import { isLoopbackHost } from "../util/loopback.ts";

export interface LocalServer {
  id: string;
  /** With /v1. */
  baseUrl: string;
}

export interface FoundServer extends LocalServer {
  models: string[];
}

const ANSWER_LIMIT = 1_048_576;

function readModels(body: string): string[] | null {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer !== "object" || answer === null || !("data" in answer) || !Array.isArray(answer.data))
      return null;
    return answer.data.flatMap((entry: unknown) =>
      typeof entry === "object" && entry !== null && "id" in entry && typeof entry.id === "string" ? [entry.id] : [],
    );
  } catch {
    return null; // Something else listens on that port.
  }
}

/** Asks for the list of models; null when nothing answers in time, or something that is no such server. */
export function probeLocalServer(server: LocalServer, timeoutMs: number): Promise<FoundServer | null> {
  const url = new URL(`${server.baseUrl}/models`);
  if (!isLoopbackHost(url.hostname)) return Promise.resolve(null);
  return new Promise((resolve) => {
    const outgoing = request(url, { signal: AbortSignal.timeout(timeoutMs), agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => {
        body += text;
        if (body.length > ANSWER_LIMIT) outgoing.destroy();
      });
      answer.on("error", () => resolve(null));
      answer.on("close", () => resolve(null));
      answer.on("end", () => {
        const models = answer.statusCode === 200 ? readModels(body) : null;
        resolve(models === null ? null : { ...server, models });
      });
    });
    outgoing.on("error", () => resolve(null));
    outgoing.end();
  });
}

export async function findLocalServers(servers: readonly LocalServer[], timeoutMs = 400): Promise<FoundServer[]> {
  const found = await Promise.all(servers.map((server) => probeLocalServer(server, timeoutMs)));
  return found.filter((server) => server !== null);
}
