// Turns what a terminal sends into keys, text and pastes. Pure: a sequence may be split at any character.
// Must not know what a key means.

export interface KeyEvent {
  type: "key";
  /**
   * `enter escape tab backspace delete up down left right home end pageup pagedown insert`, or one lower-case
   * character.
   */
  name: string;
  ctrl: boolean;
  alt: boolean;
  shift: boolean;
  /**
   * True for Enter inside a burst of several lines: a terminal without bracketed paste pasted, or text was typed ahead.
   */
  burst: boolean;
  /** The key came by itself, as a person presses it: nothing else in its chunk. Only such keys approve and answer. */
  alone: boolean;
}

/** `alone` as with a key; `foreign`: so much at once, or with so much around it, that no person typed it. */
export type InputEvent =
  KeyEvent | { type: "text"; text: string; alone: boolean; foreign: boolean } | { type: "paste"; text: string };

export interface DecoderState {
  /** The beginning of a sequence whose rest has not come yet. */
  pending: string;
  /** What came of a paste whose end has not come yet. */
  paste: string[] | null;
}

export const INITIAL_DECODER: DecoderState = { pending: "", paste: null };

const PASTE_START = "\u001b[200~";
const PASTE_END = "\u001b[201~";
/** A paste keeps no more than this many characters; the rest is dropped. */
const PASTE_LIMIT = 8_000_000;
const LONGEST_SEQUENCE = 64;
/** Characters in one chunk above which nobody typed them. */
const LONGEST_TYPED = 256;

const FINAL_NAMES: Record<string, string> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  M: "enter",
};
const TILDE_NAMES: Record<string, string> = {
  "1": "home",
  "2": "insert",
  "3": "delete",
  "4": "end",
  "5": "pageup",
  "6": "pagedown",
  "7": "home",
  "8": "end",
};
const CODE_NAMES: Record<number, string> = {
  8: "backspace",
  9: "tab",
  10: "enter",
  13: "enter",
  27: "escape",
  127: "backspace",
  57414: "enter",
};

function key(name: string, modifiers: { ctrl?: boolean; alt?: boolean; shift?: boolean } = {}): KeyEvent {
  return {
    type: "key",
    name,
    ctrl: modifiers.ctrl ?? false,
    alt: modifiers.alt ?? false,
    shift: modifiers.shift ?? false,
    burst: false,
    alone: false,
  };
}

/** xterm's modifier parameter: 1 + (1 shift, 2 alt, 4 ctrl). */
function modifiersOf(parameter: string | undefined): { ctrl: boolean; alt: boolean; shift: boolean } {
  const bits = Math.max(0, Number.parseInt(parameter ?? "1", 10) - 1 || 0);
  return { shift: (bits & 1) !== 0, alt: (bits & 2) !== 0, ctrl: (bits & 4) !== 0 };
}

function controlKey(code: number, alt: boolean): KeyEvent | null {
  if (code === 0x0d) return key("enter", { alt });
  if (code === 0x09) return key("tab", { alt });
  if (code === 0x7f || code === 0x08) return key("backspace", { alt });
  if (code === 0x00) return key("space", { ctrl: true, alt });
  if (code >= 0x01 && code <= 0x1a) return key(String.fromCharCode(code + 0x60), { ctrl: true, alt });
  if (code >= 0x1c && code <= 0x1f) return key(String.fromCharCode(code + 0x40).toLowerCase(), { ctrl: true, alt });
  return null;
}

/** A character named by number, as newer keyboard protocols send it. */
function codeEvent(code: number, parameter: string | undefined): InputEvent | null {
  const modifiers = modifiersOf(parameter);
  const name = CODE_NAMES[code];
  if (name !== undefined) return key(name, modifiers);
  if (
    !Number.isInteger(code) ||
    code < 0x20 ||
    code > 0x10ffff ||
    (code >= 0xe000 && code <= 0xf8ff) ||
    (code >= 0xd800 && code <= 0xdfff)
  )
    return null;
  const character = String.fromCodePoint(code);
  if (modifiers.ctrl || modifiers.alt) return key(character.toLowerCase(), modifiers);
  return { type: "text", text: modifiers.shift ? character.toUpperCase() : character, alone: false, foreign: false };
}

function sequenceEvent(parameters: string, final: string): InputEvent | null {
  const parts = parameters.split(";");
  if (final === "~") {
    if (parts[0] === "27") return codeEvent(Number(parts[2]), parts[1]);
    const name = TILDE_NAMES[parts[0] ?? ""];
    return name === undefined ? null : key(name, modifiersOf(parts[1]));
  }
  if (final === "u") return codeEvent(Number((parts[0] ?? "").split(":")[0]), parts[1]?.split(":")[0]);
  if (final === "Z") return key("tab", { shift: true });
  const name = FINAL_NAMES[final];
  return name === undefined || name === "enter" ? null : key(name, modifiersOf(parts[1]));
}

type Step = { used: number; event: InputEvent | null } | "incomplete" | "paste";

/** Reads one sequence that begins with Escape at `at`. */
function readEscape(data: string, at: number): Step {
  const next = data[at + 1];
  if (next === undefined) return "incomplete";
  if (next === "[") {
    const match = /^[0-9;:<=>?]*[ -/]*/.exec(data.slice(at + 2, at + 2 + LONGEST_SEQUENCE));
    const body = match?.[0] ?? "";
    const final = data[at + 2 + body.length];
    if (final === undefined)
      return body.length >= LONGEST_SEQUENCE ? { used: 2 + body.length, event: null } : "incomplete";
    if (body === "" && final === "[") return data[at + 3] === undefined ? "incomplete" : { used: 4, event: null };
    if (!/[@-~]/.test(final)) return { used: 2 + body.length, event: null };
    if (body === "200" && final === "~") return "paste";
    return { used: 3 + body.length, event: /[<=>?]/.test(body) ? null : sequenceEvent(body, final) };
  }
  if (next === "O") {
    const final = data[at + 2];
    if (final === undefined) return "incomplete";
    const name = FINAL_NAMES[final];
    return { used: 3, event: name === undefined ? null : key(name) };
  }
  if (next === "\u001b") {
    const inner = readEscape(data, at + 1);
    if (inner === "incomplete") return data[at + 2] === undefined ? { used: 1, event: key("escape") } : "incomplete";
    if (inner === "paste" || inner.event?.type !== "key" || inner.used < 3) return { used: 1, event: key("escape") };
    return { used: inner.used + 1, event: { ...inner.event, alt: true } };
  }
  const code = next.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) {
    if (code === 0x0d || code === 0x7f || code === 0x08 || code === 0x09)
      return { used: 2, event: controlKey(code, true) };
    return { used: 1, event: key("escape") };
  }
  const character = String.fromCodePoint(data.codePointAt(at + 1) ?? 0);
  return {
    used: 1 + character.length,
    event: key(character.toLowerCase(), { alt: true, shift: character !== character.toLowerCase() }),
  };
}

function isPlain(code: number): boolean {
  return code >= 0x20 && code !== 0x7f && !(code >= 0x80 && code <= 0x9f);
}

/** Takes the text up to the end mark; what may be the beginning of that mark stays pending. */
function readPaste(
  data: string,
  from: number,
  collected: string[],
): { at: number; done: string | null; pending: string } {
  const end = data.indexOf(PASTE_END, from);
  const size = collected.reduce((sum, part) => sum + part.length, 0);
  if (end >= 0)
    return {
      at: end + PASTE_END.length,
      done: [...collected, data.slice(from, end)].join("").slice(0, PASTE_LIMIT),
      pending: "",
    };
  const possible = data.lastIndexOf("\u001b");
  const keep = possible >= from && PASTE_END.startsWith(data.slice(possible)) ? possible : data.length;
  if (size < PASTE_LIMIT) collected.push(data.slice(from, keep));
  return { at: data.length, done: null, pending: data.slice(keep) };
}

function markBursts(events: InputEvent[]): InputEvent[] {
  const firstEnter = events.findIndex((event) => event.type === "key" && event.name === "enter");
  // A line feed after the Enter is the other half of a line end.
  const isMore = (event: InputEvent): boolean =>
    event.type === "text" || (event.type === "key" && event.name === "j" && event.ctrl);
  if (firstEnter < 0 || !events.slice(firstEnter).some(isMore)) return events;
  // One Enter at the very beginning ends what was typed before; the text after it was typed on.
  if (
    firstEnter === 0 &&
    !events.slice(1).some((event) => event.type === "key" && (event.name === "enter" || event.name === "j"))
  )
    return events;
  return events.map((event) => (event.type === "key" && event.name === "enter" ? { ...event, burst: true } : event));
}

const isMove = (event: InputEvent): boolean => event.type === "key" && (event.name === "up" || event.name === "down");

/**
 * One event in a chunk, and one character of text at most, is what a key press is; all else came together. Arrows
 * before a key may wait for it.
 */
function markCompany(events: InputEvent[], size: number, strange: boolean): InputEvent[] {
  const single = events.length > 0 && events.slice(0, -1).every(isMove) && !strange;
  const mixed =
    strange ||
    size > LONGEST_TYPED ||
    events.some((event) => event.type === "paste" || (event.type === "key" && event.name !== "enter"));
  return events.map((event) => {
    if (event.type === "paste") return event;
    if (event.type === "key") return { ...event, alone: single };
    return { ...event, alone: single && [...event.text].length === 1, foreign: mixed };
  });
}

/** Reads one chunk. The state that comes back belongs to the next call. */
export function decode(state: DecoderState, chunk: string): { state: DecoderState; events: InputEvent[] } {
  const data = state.pending + chunk;
  const events: InputEvent[] = [];
  let paste = state.paste === null ? null : [...state.paste];
  let at = 0;
  let text = "";
  // A chunk that begins in a paste, or holds a mark of one where none is open.
  let strange = paste !== null;
  const flushText = (): void => {
    if (text !== "") events.push({ type: "text", text, alone: false, foreign: false });
    text = "";
  };
  const finish = (pending: string): { state: DecoderState; events: InputEvent[] } => {
    flushText();
    return { state: { pending, paste }, events: markCompany(markBursts(events), data.length, strange) };
  };
  while (at < data.length || paste !== null) {
    if (paste !== null) {
      const read = readPaste(data, at, paste);
      at = read.at;
      if (read.done === null) return finish(read.pending);
      // What follows its end in the same chunk was pasted too: a paste may hold its own end mark.
      // An Escape at the very end may be the key: it allows nothing, and waits for what follows as always.
      const end = data.endsWith("\u001b") && at < data.length ? data.length - 1 : data.length;
      const rest = data.slice(at, end).replaceAll(PASTE_END, "");
      events.push({ type: "paste", text: `${read.done}${rest}`.slice(0, PASTE_LIMIT) });
      paste = null;
      at = end;
      strange = true;
      continue;
    }
    const code = data.charCodeAt(at);
    if (code === 0x1b) {
      const step = readEscape(data, at);
      if (step === "incomplete") return finish(data.slice(at));
      flushText();
      if (step === "paste") {
        paste = [];
        at += PASTE_START.length;
        continue;
      }
      if (data.startsWith(PASTE_END, at)) strange = true;
      if (step.event !== null) events.push(step.event);
      at += step.used;
      continue;
    }
    if (isPlain(code)) {
      text += data[at] ?? "";
    } else {
      const event = controlKey(code, false);
      if (event !== null) {
        flushText();
        events.push(event);
      }
    }
    at += 1;
  }
  return finish("");
}

/**
 * What is pending has waited long enough: a lone Escape is the Escape key, half a sequence is dropped. A paste goes on.
 */
export function flushPending(state: DecoderState): { state: DecoderState; events: InputEvent[] } {
  if (state.paste !== null) return { state, events: [] };
  const events: InputEvent[] =
    state.pending === "\u001b" || state.pending === "\u001b\u001b"
      ? [{ ...key("escape"), alone: state.pending === "\u001b" }]
      : [];
  return { state: INITIAL_DECODER, events };
}
