// Recognises the image formats that models take, by their first bytes.

import type { ImageBlock } from "../types/message.ts";

/** Providers refuse larger ones (5 MB as base64). */
export const IMAGE_CAP_BYTES = 3_750_000;

export function imageTypeOf(bytes: Uint8Array): ImageBlock["mediaType"] | null {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "image/gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "image/webp";
  return null;
}
