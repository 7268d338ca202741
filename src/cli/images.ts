// Images that a user names in a prompt. Larger ones than vendors take, and files that are none, are left as text.

import { join, resolve } from "node:path";
import { IMAGE_CAP_BYTES, imageTypeOf } from "../tools/view-image.ts";
import { isInside, realPathOf } from "../util/paths.ts";
import { locateProjectFile } from "../util/project-file.ts";
import { readRegular } from "../util/regular-file.ts";
import { isClosedToProject } from "./closed-paths.ts";
import type { App } from "./app.ts";
import type { ImageBlock } from "../types/message.ts";

/**
 * The real path of what the user named, or null: a link of the workspace does not lead out of it, a path outside is the
 * user's own choice.
 */
function imagePath(app: App, path: string): string | null {
  const named = resolve(app.workspace, path);
  if (!isInside(app.workspace, named)) return realPathOf(named);
  const located = locateProjectFile(named, { root: app.workspace, isClosed: () => false });
  return located.kind === "found" ? located.realPath : null;
}

export function createImageReader(app: App): (path: string) => Promise<ImageBlock | null> {
  return async (path) => {
    try {
      const real = imagePath(app, path);
      if (real === null || isClosedToProject(app, real, app.workspace)) return null;
      const read = await readRegular(real, IMAGE_CAP_BYTES);
      if (read === null) return null;
      const mediaType = imageTypeOf(read.bytes);
      return mediaType === null ? null : { type: "image", mediaType, data: read.bytes.toString("base64") };
    } catch {
      return null; // Not there: the mention stays text.
    }
  };
}

/** Images that a prompt names as `@path`. */
export async function readNamedImages(
  prompt: string,
  workspace: string,
  readImage: (path: string) => Promise<ImageBlock | null>,
): Promise<ImageBlock[]> {
  const paths = [...prompt.matchAll(/(?:^|\s)@(\S+\.(?:png|jpe?g|gif|webp))\b/gi)].map((match) => match[1] ?? "");
  const images = await Promise.all(paths.map((path) => readImage(join(workspace, path))));
  return images.flatMap((image) => (image === null ? [] : [image]));
}
