// Globs over `/`-separated relative paths: `* ** ? [] {}`, dot files match. Pure; used for scopes and permission rules.

function escapeLiteral(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** Index of the brace that closes the one at `open`, or -1. */
function closingBrace(glob: string, open: number): number {
  let depth = 0;
  for (let index = open; index < glob.length; index++) {
    if (glob[index] === "{") depth++;
    else if (glob[index] === "}" && --depth === 0) return index;
  }
  return -1;
}

function splitAlternatives(body: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < body.length; index++) {
    if (body[index] === "{") depth++;
    else if (body[index] === "}") depth--;
    else if (body[index] === "," && depth === 0) {
      parts.push(body.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(body.slice(start));
  return parts;
}

function characterClass(glob: string, open: number): { source: string; end: number } | null {
  let index = open + 1;
  const negated = glob[index] === "!" || glob[index] === "^";
  if (negated) index++;
  const first = index;
  while (index < glob.length && (glob[index] !== "]" || index === first)) {
    if (glob[index] === "/") return null;
    index++;
  }
  if (index >= glob.length) return null;
  const body = glob.slice(first, index).replace(/[\\\]^[]/g, "\\$&");
  return { source: `(?!/)[${negated ? "^" : ""}${body}]`, end: index };
}

function globSource(glob: string): string {
  let source = "";
  for (let index = 0; index < glob.length; index++) {
    const character = glob[index] ?? "";
    if (character === "*") {
      if (glob[index + 1] === "*") {
        const startsSegment = index === 0 || glob[index - 1] === "/";
        if (startsSegment && glob[index + 2] === "/") {
          source += "(?:[^/]+/)*";
          index += 2;
        } else {
          source += ".*";
          index += 1;
        }
      } else {
        source += "[^/]*";
      }
    } else if (character === "?") {
      source += "[^/]";
    } else if (character === "[") {
      const parsed = characterClass(glob, index);
      if (parsed === null) source += "\\[";
      else {
        source += parsed.source;
        index = parsed.end;
      }
    } else if (character === "{") {
      const end = closingBrace(glob, index);
      const alternatives = end === -1 ? [] : splitAlternatives(glob.slice(index + 1, end));
      if (alternatives.length < 2) source += "\\{";
      else {
        source += `(?:${alternatives.map(globSource).join("|")})`;
        index = end;
      }
    } else if (character === "\\" && index + 1 < glob.length) {
      source += escapeLiteral(glob[index + 1] ?? "");
      index++;
    } else {
      source += escapeLiteral(character);
    }
  }
  return source;
}

/** Whether the text holds any glob syntax. */
export function isGlob(text: string): boolean {
  return /[*?[\]{}\\]/.test(text);
}

/** A test for whole paths. A class with a nonsensical range matches nothing, so a bad glob never widens a scope. */
export function compileGlob(glob: string): (path: string) => boolean {
  let pattern: RegExp;
  try {
    pattern = new RegExp(`^${globSource(glob)}$`, "su");
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return () => false;
    throw thrown;
  }
  return (path) => pattern.test(path);
}
