// Reads raw bytes from the terminal and hands on decoded events. Owns the wait that tells Escape from a sequence.

import { StringDecoder } from "node:string_decoder";
import { decode, flushPending, INITIAL_DECODER, type InputEvent } from "./decode.ts";

/** Milliseconds that the rest of a sequence may take, also over a slow line. */
const ESCAPE_WAIT_MS = 40;
/** Milliseconds between a paste and the next key press of a person: what comes sooner belongs to the paste. */
const PASTE_WAIT_MS = 30;

export interface InputReader {
  start(): void;
  /** Stops reading, so that another program can have the terminal. */
  stop(): void;
}

/** `early` are bytes that came before the reader was there; they are delivered first. */
export function createInputReader(
  stdin: NodeJS.ReadStream,
  early: Buffer[],
  onEvents: (events: InputEvent[]) => void,
): InputReader {
  const utf8 = new StringDecoder("utf8");
  let state = INITIAL_DECODER;
  let timer: NodeJS.Timeout | null = null;
  let pastedAt = Number.NEGATIVE_INFINITY;
  const inCompany = (event: InputEvent): InputEvent =>
    event.type === "paste"
      ? event
      : event.type === "text"
        ? { ...event, alone: false, foreign: true }
        : { ...event, alone: false };
  const deliver = (result: { state: typeof state; events: InputEvent[] }): void => {
    state = result.state;
    const now = performance.now();
    const events = now - pastedAt < PASTE_WAIT_MS ? result.events.map(inCompany) : result.events;
    if (state.paste !== null || result.events.some((event) => event.type === "paste")) pastedAt = now;
    if (events.length > 0) onEvents(events);
  };
  const read = (chunk: Buffer | string): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    deliver(decode(state, typeof chunk === "string" ? chunk : utf8.write(chunk)));
    if (state.pending !== "" && state.paste === null) {
      timer = setTimeout(() => {
        timer = null;
        deliver(flushPending(state));
      }, ESCAPE_WAIT_MS);
    }
  };
  return {
    start() {
      for (const chunk of early.splice(0)) read(chunk);
      stdin.on("data", read);
      stdin.resume();
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      stdin.off("data", read);
      stdin.pause();
    },
  };
}
