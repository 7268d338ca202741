// The whole state of the REPL and the one pure reducer over it. What happens outside (agent, files, clock) arrives as
// actions; nothing here knows Ink or the agent.

import type { AgentEvent } from "../types/event.ts";
import type { Block } from "./blocks.ts";
import type { Card } from "./cards.ts";
import type { Completion } from "./completion.ts";
import { EMPTY_EDITOR, reduceEditor, type EditorAction, type EditorState } from "./editor.ts";
import { createHistory, type History } from "./history.ts";
import { EMPTY_TRANSCRIPT, markPrinted, printBlock, reduceEvent, type TranscriptState } from "./transcript.ts";

/** What the status line says; taken from the agent's state. */
export interface StatusView {
  mode: string;
  /** A mode chosen while a turn runs; it acts from the next turn. */
  nextMode: string | null;
  stage: string;
  plan: string | null;
  model: string | null;
  tier: string | null;
  tokens: number;
  cost: number | null;
  costEstimate: boolean;
  calls: number;
}

export interface QueuedInput {
  text: string;
  /** A shell command, a slash command or a prompt. */
  kind: "shell" | "command" | "prompt";
}

export interface Search {
  query: string;
  /** Entry shown; -1 when nothing was found. */
  index: number;
  before: EditorState;
}

export interface UiState {
  columns: number;
  rows: number;
  /** False until the session is open: what is sent waits. */
  ready: boolean;
  transcript: TranscriptState;
  status: StatusView | null;
  /** Set while something runs: since when (milliseconds) and what. */
  running: { since: number; label: string } | null;
  /** Milliseconds at the last tick of the clock that runs while something runs. */
  now: number;
  shellOutput: string;
  editor: EditorState;
  history: History;
  search: Search | null;
  completion: Completion | null;
  /** The text for which the list was closed by Esc. */
  completionClosedFor: string | null;
  cards: Card[];
  queue: QueuedInput[];
  hint: string | null;
  /** The terminal belongs to another program, or the REPL ends: nothing is drawn. */
  hidden: boolean;
}

export function initialState(columns: number, rows: number): UiState {
  return {
    columns,
    rows,
    ready: false,
    transcript: EMPTY_TRANSCRIPT,
    status: null,
    running: null,
    now: 0,
    shellOutput: "",
    editor: EMPTY_EDITOR,
    history: createHistory([]),
    search: null,
    completion: null,
    completionClosedFor: null,
    cards: [],
    queue: [],
    hint: null,
    hidden: false,
  };
}

type Settable = Pick<
  UiState,
  | "columns"
  | "rows"
  | "ready"
  | "status"
  | "running"
  | "now"
  | "shellOutput"
  | "editor"
  | "history"
  | "search"
  | "completion"
  | "completionClosedFor"
  | "queue"
  | "hint"
  | "hidden"
>;

export type UiAction =
  | { type: "set"; values: Partial<Settable> }
  | { type: "event"; event: AgentEvent; now: number }
  | { type: "replay"; events: readonly AgentEvent[] }
  | { type: "print"; block: Block }
  | { type: "printed"; count: number }
  | { type: "editor"; action: EditorAction }
  | { type: "open_card"; card: Card }
  | { type: "update_card"; card: Card }
  | { type: "close_card"; id: number }
  | { type: "toggle_detail" }
  | { type: "expand_last" }
  | { type: "new_session" };

/** Entries of a resumed session that are shown again; the model knows all of it anyway. */
const REPLAYED = 200;

/** Prints the newest folded result in full and forgets it, so that the next time shows the one before. */
function expandLast(state: UiState): UiState {
  const folded = state.transcript.folded.at(-1);
  if (folded === undefined) return { ...state, hint: "no folded output" };
  const transcript = { ...state.transcript, folded: state.transcript.folded.slice(0, -1) };
  return { ...state, hint: null, transcript: printBlock(transcript, { kind: "tool", ...folded, expanded: true }) };
}

function replay(state: UiState, events: readonly AgentEvent[]): UiState {
  const before = state.transcript.outbox;
  let left = 0;
  let shown: TranscriptState = { ...state.transcript, outbox: [], replaying: true };
  const leaveOut = (surplus: number): void => {
    if (surplus <= 0) return;
    left += surplus;
    shown = { ...shown, outbox: shown.outbox.slice(surplus) };
  };
  for (const event of events) {
    shown = reduceEvent(shown, event, 0);
    // Each block copies the outbox: it stays short, however long the session is.
    if (shown.outbox.length > 2 * REPLAYED) leaveOut(shown.outbox.length - REPLAYED);
  }
  leaveOut(shown.outbox.length - REPLAYED);
  const note: Block = { kind: "notice", level: "info", text: `${left} earlier entries of this session are not shown` };
  const outbox = [...before, ...(left === 0 ? [] : [{ block: note, gap: true }]), ...shown.outbox];
  return { ...state, transcript: { ...shown, outbox, replaying: false, retry: null, tools: [], turn: null } };
}

export function reduceUi(state: UiState, action: UiAction): UiState {
  switch (action.type) {
    case "set":
      return { ...state, ...action.values };
    case "event":
      return { ...state, transcript: reduceEvent(state.transcript, action.event, action.now) };
    case "replay":
      return replay(state, action.events);
    case "print":
      return { ...state, transcript: printBlock(state.transcript, action.block) };
    case "printed":
      return action.count === 0 ? state : { ...state, transcript: markPrinted(state.transcript, action.count) };
    case "editor": {
      const editor = reduceEditor(state.editor, action.action);
      return editor === state.editor ? state : { ...state, editor };
    }
    case "open_card":
      return { ...state, cards: [...state.cards, action.card] };
    case "update_card":
      return { ...state, cards: state.cards.map((card) => (card.id === action.card.id ? action.card : card)) };
    case "close_card":
      return { ...state, cards: state.cards.filter((card) => card.id !== action.id) };
    case "toggle_detail": {
      const detail = !state.transcript.detail;
      return {
        ...state,
        transcript: { ...state.transcript, detail },
        hint: detail ? "detail on: results unfolded, reasoning shown" : "detail off",
      };
    }
    case "expand_last":
      return expandLast(state);
    case "new_session": {
      const { outbox, printed, lastKind, detail } = state.transcript;
      return {
        ...state,
        transcript: { ...EMPTY_TRANSCRIPT, outbox, printed, lastKind, detail },
        status: null,
        ready: false,
        hint: null,
      };
    }
  }
}
