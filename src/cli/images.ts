// Images that a user names in a prompt. Larger ones than vendors take, and files that are none, are left as text.

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { IMAGE_CAP_BYTES, imageTypeOf } from "../tools/view-image.ts";
import { isProtectedPath } from "../containment/protected.ts";
import { realPathOf } from "../util/paths.ts";
import type { App } from "./app.ts";
import type { ImageBlock } from "../types/message.ts";

export function createImageReader(app: App): (path: string) => Promise<ImageBlock | null> {
  return async (path) => {
    try {
      const real = realPathOf(resolve(app.workspace, path));
      const facts = await stat(real);
      if (!facts.isFile() || facts.size > IMAGE_CAP_BYTES || isProtectedPath(real, app.workspace, app.home)) return null;
      const bytes = await readFile(real);
      const mediaType = imageTypeOf(bytes);
      return mediaType === null ? null : { type: "image", mediaType, data: bytes.toString("base64") };
    } catch {
      return null; // Not there: the mention stays text.
    }
  };
}
