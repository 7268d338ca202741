// Bytes of a text file and back: strict UTF-8, byte order mark and line ends kept. Anything else is refused, never
// converted.

import { BmoError } from "../util/errors.ts";
import { normalizeEndings, restoreEndings, type NormalText } from "../util/line-endings.ts";

const MARK = "\ufeff";
const SNIFF_BYTES = 8_192;

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "binary" | "other";

/** What the bytes are, by byte order mark, NUL bytes and validity; never by statistics. */
export function encodingOf(bytes: Uint8Array): Encoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes.subarray(0, SNIFF_BYTES).includes(0)) return "binary";
  return decodeStrictly(bytes) === null ? "other" : "utf-8";
}

function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (thrown) {
    if (thrown instanceof TypeError) return null;
    throw thrown;
  }
}

export interface TextFile extends NormalText {
  byteOrderMark: boolean;
}

const REFUSALS: Record<Exclude<Encoding, "utf-8">, string> = {
  binary: "is a binary file and cannot be edited",
  "utf-16le": "is UTF-16; only UTF-8 files are edited",
  "utf-16be": "is UTF-16; only UTF-8 files are edited",
  other: "is not valid UTF-8; only UTF-8 files are edited",
};

/** @throws BmoError failed for anything but UTF-8. */
export function decodeTextFile(bytes: Uint8Array): TextFile {
  const encoding = encodingOf(bytes);
  if (encoding !== "utf-8") throw new BmoError("failed", REFUSALS[encoding]);
  const text = decodeStrictly(bytes) ?? "";
  const byteOrderMark = text.startsWith(MARK);
  return { ...normalizeEndings(byteOrderMark ? text.slice(1) : text), byteOrderMark };
}

/** The bytes of the text. @throws BmoError failed where the text holds half a surrogate pair: UTF-8 cannot say it. */
export function encodeTextFile(file: TextFile): Buffer {
  const text = restoreEndings(file);
  if (/\p{Surrogate}/u.test(text))
    throw new BmoError("failed", "the new text holds half a character (a lone surrogate)");
  return Buffer.from((file.byteOrderMark ? MARK : "") + text, "utf8");
}
