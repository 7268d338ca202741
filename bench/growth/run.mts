// `npm run bench:growth`: what a long session and a large tree cost, as ratios within one run.
// Messages, files, folders and rounds may be given, in this order.

import { measureSessions } from "./sessions.mts";
import { measureTree } from "./tree.mts";

const [messages = 10_000, files = 100_000, folders = 1_000, rounds = 5] = process.argv.slice(2).map(Number);
await measureSessions(messages, rounds);
await measureTree(files, folders, rounds);
