// Control sequences that the REPL itself sends. Data only.

export const PASTE_ON = "\u001b[?2004h";
export const PASTE_OFF = "\u001b[?2004l";
export const SHOW_CURSOR = "\u001b[?25h";
export const BEGIN_SYNCHRONIZED = "\u001b[?2026h";
/** Ends a synchronised update that a crash may have left open. */
export const END_SYNCHRONIZED = "\u001b[?2026l";
export const RESET_STYLE = "\u001b[0m";
/** Home and erase below: what is on the screen was pushed into the scrollback before. */
export const HOME_AND_ERASE = "\u001b[H\u001b[J";
export const UP_ONE_ROW = "\u001b[1A";
