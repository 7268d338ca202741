// Keys while a card is open: what answers it, and what is none of its own.

import type { Asker } from "./asker.ts";
import type { CardKey } from "./cards.ts";
import type { InputEvent } from "./input/decode.ts";
import { bindingOf } from "./keybindings.ts";

const CARD_KEYS: Record<string, CardKey["type"]> = {
  up: "up",
  down: "down",
  enter: "enter",
  escape: "escape",
  backspace: "backspace",
};

/** @returns False when no card is open or the key is none of its own. */
export function handleInCard(asker: Asker, event: InputEvent): boolean {
  const card = asker.focused(Date.now());
  if (card === null) return false;
  if (event.type === "paste") {
    // A paste chooses nothing; it may only fill a line that is open.
    if (card.typing !== null) asker.press(card, { type: "text", text: event.text.replace(/\s+/g, " ") });
    return card.typing !== null;
  }
  if (event.type === "text") {
    // Several keys at once were typed before the card was there, or pasted: they may only fill a line that is open.
    if (card.typing !== null || event.alone) asker.press(card, { type: "text", text: event.text });
    return true;
  }
  const type = event.ctrl || event.alt ? undefined : CARD_KEYS[event.name];
  if (type === undefined || type === "text") {
    const binding = bindingOf(event);
    return !(
      binding === "interrupt" ||
      binding === "cycle_mode" ||
      binding === "redraw" ||
      binding === "suspend" ||
      binding === "expand"
    );
  }
  // The same holds for Enter, which takes the answer that is marked; a line that is open it sends unless several came
  // at once.
  if (type === "enter" && (card.typing === null ? !event.alone : event.burst)) return true;
  asker.press(card, { type });
  return true;
}
