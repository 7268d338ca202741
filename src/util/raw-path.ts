// Names of files that are no UTF-8 text, as strings: each byte that is none becomes a lone surrogate (U+DC80 to
// U+DCFF), so that names stay apart and lead back to their bytes. Reads and writes nothing.

import { isUtf8 } from "node:buffer";

const ESCAPE = 0xdc00;
const LONE = /[\ud800-\udfff]/u;

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/** The string that stands for a name or path as the file system has it. */
export function nameFromBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let name = "";
  for (let index = 0; index < bytes.length;) {
    const length = sequenceLength(bytes[index] ?? 0);
    const part = bytes.subarray(index, index + length);
    const whole = length > 0 && part.length === length && isUtf8(part);
    name += whole ? part.toString("utf8") : String.fromCharCode(ESCAPE + (bytes[index] ?? 0));
    index += whole ? length : 1;
  }
  return name;
}

/** Whether the string stands for a name that is no UTF-8 text. */
export function isRawName(path: string): boolean {
  return LONE.test(path);
}

/** What the file system is to be asked with: the string itself, or the bytes that it stands for. */
export function systemPath(path: string): string | Buffer {
  if (!LONE.test(path)) return path;
  return Buffer.concat(
    Array.from(path, (letter) => {
      const code = letter.codePointAt(0) ?? 0;
      return code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff
        ? Buffer.from([code - ESCAPE])
        : Buffer.from(letter, "utf8");
    }),
  );
}
