// Questions to the person: which choices there are, what each answers, and how keys move among them. Pure.
// Esc always takes the safe choice.

import type { AskReply, AskRequest } from "../types/permission.ts";
import type { SessionSummary } from "../types/session.ts";

export type CardRequest = AskRequest | { kind: "sessions"; sessions: SessionSummary[] };

export interface CardOption {
  label: string;
  /** Pressed alone it chooses this option. */
  letter: string | null;
  reply: AskReply;
  /** Asks for a line of text first, which becomes the feedback or answer. */
  text: boolean;
}

export interface Card {
  id: number;
  request: CardRequest;
  options: CardOption[];
  selected: number;
  /** Text being typed for an option that wants some; null while choosing. */
  typing: string | null;
  /** Set when it opened in the middle of typing: milliseconds before which keys still belong to the editor. */
  quietUntil: number | null;
}

function option(label: string, letter: string | null, reply: AskReply, text = false): CardOption {
  return { label, letter, reply, text };
}

const DENY: AskReply = { answer: "deny", feedback: null };

export function cardOptions(request: CardRequest): CardOption[] {
  switch (request.kind) {
    case "permission": {
      const remembered =
        request.rule === null
          ? []
          : [
              option(`Session: allow ${request.rule} until this session ends`, "s", { answer: "allow_session" }),
              option(`Project: always allow ${request.rule} here`, "p", { answer: "allow_project" }),
            ];
      return [
        option("Yes, this once", "y", { answer: "allow_once" }),
        ...remembered,
        option("No", "n", DENY),
        option("Tell the model what to do instead", "t", DENY, true),
      ];
    }
    case "scope":
      return [
        option("Yes, extend the scope by this", "y", { answer: "allow_once" }),
        option("No, keep the scope", "n", DENY),
        option("Tell the model what to do instead", "t", DENY, true),
      ];
    case "effects":
      return [
        option("Restore (a copy is kept)", "r", { answer: "restore" }),
        option("Keep the changes", "k", { answer: "keep" }),
      ];
    case "question":
      return [
        ...request.options.map((label, index) =>
          option(label, uniqueLetter(request.options, index), { answer: "text", text: label }),
        ),
        option(
          request.options.length > 0 ? "Something else" : "Type an answer",
          null,
          { answer: "text", text: "" },
          true,
        ),
      ];
    case "fallback":
      return [option(`Yes, continue with ${request.to}`, "y", { answer: "allow_once" }), option("No, stop", "n", DENY)];
    case "trust":
      return [
        option("No, ignore these settings", "n", DENY),
        option("This time only", "t", { answer: "allow_once" }),
        option("Yes, trust this directory", "y", { answer: "allow_project" }),
      ];
    case "confirm":
      return [option("Yes", "y", { answer: "allow_once" }), option("No", "n", DENY)];
    case "sessions":
      return request.sessions.map((session) => option(session.id, null, { answer: "text", text: session.id }));
  }
}

/** The first letter of an option where no other begins with it. */
function uniqueLetter(labels: readonly string[], index: number): string | null {
  const letter = labels[index]?.trim().charAt(0).toLowerCase() ?? "";
  if (!/^\p{L}$/u.test(letter)) return null;
  return labels.filter((label) => label.trim().charAt(0).toLowerCase() === letter).length === 1 ? letter : null;
}

/** What Esc answers: nothing is allowed, nothing is kept that was not asked for. */
export function escapeReply(request: CardRequest): AskReply {
  switch (request.kind) {
    case "effects":
      return { answer: "restore" };
    case "question":
    case "sessions":
    // A no would be kept.
    case "trust":
      return { answer: "none", reason: "the person gave no answer" };
    case "permission":
    case "scope":
    case "fallback":
    case "confirm":
      return DENY;
  }
}

export function createCard(id: number, request: CardRequest, quietUntil: number | null): Card {
  const options = cardOptions(request);
  // A question without choices begins with its text line.
  const typing = request.kind === "question" && request.options.length === 0 ? "" : null;
  return { id, request, options, selected: 0, typing, quietUntil };
}

export type CardKey = { type: "up" | "down" | "enter" | "escape" | "backspace" } | { type: "text"; text: string };
export type CardStep = { card: Card; reply: null } | { card: Card; reply: AskReply };

function choose(card: Card, index: number): CardStep {
  const chosen = card.options[index];
  if (chosen === undefined) return { card, reply: null };
  const moved = { ...card, selected: index };
  return chosen.text ? { card: { ...moved, typing: "" }, reply: null } : { card: moved, reply: chosen.reply };
}

function withText(reply: AskReply, text: string): AskReply {
  if (reply.answer === "deny") return { answer: "deny", feedback: text === "" ? null : text };
  return reply.answer === "text" ? { answer: "text", text } : reply;
}

function typeInto(card: Card, typed: string, key: CardKey): CardStep {
  switch (key.type) {
    case "text":
      return { card: { ...card, typing: typed + key.text }, reply: null };
    case "backspace":
      return { card: { ...card, typing: [...typed].slice(0, -1).join("") }, reply: null };
    case "enter": {
      const chosen = card.options[card.selected];
      // An empty answer to a question is no answer; the line stays open.
      if (chosen === undefined || (chosen.reply.answer === "text" && typed.trim() === "")) return { card, reply: null };
      return { card, reply: withText(chosen.reply, typed.trim()) };
    }
    case "escape":
      return card.options.length > 1
        ? { card: { ...card, typing: null }, reply: null }
        : { card, reply: escapeReply(card.request) };
    case "up":
    case "down":
      return { card, reply: null };
  }
}

/**
 * Chooses the option of that letter, or the only one that begins with it; among several it goes to the next one, which
 * Enter takes.
 */
function byFirstLetter(card: Card, character: string): CardStep {
  const own = card.options.findIndex((one) => one.letter === character);
  if (own >= 0) return choose(card, own);
  const beginning = card.options.flatMap((one, index) =>
    one.label.trim().charAt(0).toLowerCase() === character ? [index] : [],
  );
  const [first] = beginning;
  if (first === undefined) return { card, reply: null };
  if (beginning.length === 1) return choose(card, first);
  return { card: { ...card, selected: beginning.find((index) => index > card.selected) ?? first }, reply: null };
}

/** One key in a card. Arrows, numbers and first letters choose; text goes into the line when one is open. */
export function pressInCard(card: Card, key: CardKey): CardStep {
  if (card.typing !== null) return typeInto(card, card.typing, key);
  const count = card.options.length;
  switch (key.type) {
    case "up":
      return { card: { ...card, selected: count === 0 ? 0 : (card.selected + count - 1) % count }, reply: null };
    case "down":
      return { card: { ...card, selected: count === 0 ? 0 : (card.selected + 1) % count }, reply: null };
    case "enter":
      return choose(card, card.selected);
    case "escape":
      return { card, reply: escapeReply(card.request) };
    case "backspace":
      return { card, reply: null };
    case "text": {
      const character = key.text.charAt(0).toLowerCase();
      // Text of several characters at once is typing that was meant for something else.
      if ([...key.text].length !== 1) return { card, reply: null };
      if (/^[1-9]$/.test(character)) return choose(card, Number(character) - 1);
      return byFirstLetter(card, character);
    }
  }
}

/** What the transcript keeps of an answered card. */
export function answerText(card: Card, reply: AskReply): string {
  switch (reply.answer) {
    case "text":
      return reply.text;
    case "none":
      return card.request.kind === "trust" ? "not trusted for now" : "no answer";
    case "deny":
      return reply.feedback ?? (card.request.kind === "trust" ? "not trusted" : "no");
    case "allow_once":
      return card.request.kind === "permission" ? "yes, this once" : "yes";
    case "allow_session":
      return "yes, for this session";
    case "allow_project":
      return card.request.kind === "trust" ? "trusted" : "yes, always in this project";
    case "keep":
      return "kept";
    case "restore":
      return "restored";
  }
}
