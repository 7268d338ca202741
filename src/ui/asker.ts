// Puts questions to the person as cards, one after the other, and hands the answers back to whoever asked.

import type { Ask, AskReply } from "../types/permission.ts";
import {
  answerText,
  createCard,
  escapeReply,
  pressInCard,
  type Card,
  type CardKey,
  type CardRequest,
} from "./cards.ts";
import type { Store } from "./store.ts";
import { plural } from "./text.ts";

/** Milliseconds without a key after which a card that opened in the middle of typing takes the keys. */
const QUIET_MS = 700;

export interface Asker {
  ask: Ask;
  askCard(request: CardRequest, signal: AbortSignal | null): Promise<AskReply>;
  /** The card that takes the keys now; null when none does. */
  focused(now: number): Card | null;
  /** A key went to the editor: what opens now, or is open already, waits until the typing ends. */
  typedElsewhere(now: number, isText: boolean): void;
  /** What was typed was sent: the next card may be answered at once. */
  typingEnded(): void;
  press(card: Card, key: CardKey): void;
  /** Answers every open card with its safe choice. */
  dismissAll(): void;
}

function questionOf(request: CardRequest): string | null {
  switch (request.kind) {
    case "permission":
      return `allow ${request.tool} ${request.target}`;
    case "scope":
      return `extend the plan: ${request.action} ${request.path}`;
    case "effects":
      return `${plural(request.changes.length, "change")} outside the scope`;
    case "question":
    case "confirm":
      return request.question;
    case "fallback":
      return `${request.from} → ${request.to}`;
    case "trust":
      return `trust ${request.directory}`;
    case "sessions":
      return null;
  }
}

/** `shownCard` tells which card is on the screen: none other is answered. */
export function createAsker(store: Store, shownCard: () => number | null): Asker {
  let nextId = 1;
  let typedAt = Number.NEGATIVE_INFINITY;
  const waiting = new Map<number, (reply: AskReply) => void>();
  const settle = (card: Card, reply: AskReply): void => {
    const resolve = waiting.get(card.id);
    if (resolve === undefined) return;
    waiting.delete(card.id);
    store.dispatch({ type: "close_card", id: card.id });
    const question = questionOf(card.request);
    if (question !== null)
      store.dispatch({ type: "print", block: { kind: "choice", question, answer: answerText(card, reply) } });
    resolve(reply);
  };
  const askCard = (request: CardRequest, signal: AbortSignal | null): Promise<AskReply> => {
    if (signal?.aborted === true) return Promise.resolve({ answer: "none", reason: "the turn was stopped" });
    const id = nextId++;
    const now = Date.now();
    const quietUntil = store.get().editor.text !== "" || now - typedAt < QUIET_MS ? now + QUIET_MS : null;
    const card = createCard(id, request, quietUntil);
    return new Promise<AskReply>((resolve) => {
      const onAbort = (): void => settle(card, { answer: "none", reason: "the turn was stopped" });
      waiting.set(id, (reply) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(reply);
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      store.dispatch({ type: "open_card", card });
    });
  };
  return {
    ask: (request, signal) => askCard(request, signal),
    askCard,
    focused(now) {
      const card = store.get().cards[0];
      if (card === undefined || card.id !== shownCard()) return null;
      return card.quietUntil !== null && now < card.quietUntil ? null : card;
    },
    typingEnded() {
      typedAt = Number.NEGATIVE_INFINITY;
    },
    typedElsewhere(now, isText) {
      if (isText) typedAt = now;
      const card = store.get().cards[0];
      if (card !== undefined && card.quietUntil !== null)
        store.dispatch({ type: "update_card", card: { ...card, quietUntil: now + QUIET_MS } });
    },
    press(card, key) {
      const step = pressInCard({ ...card, quietUntil: null }, key);
      if (step.reply === null) store.dispatch({ type: "update_card", card: step.card });
      else settle(step.card, step.reply);
    },
    dismissAll() {
      for (const card of store.get().cards) settle(card, escapeReply(card.request));
    },
  };
}
