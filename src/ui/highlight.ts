// Colours for code, by highlight.js with the languages listed here. Heavy: loaded with the first code block.

import core from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import type { Style, Theme } from "./theme.ts";

const LANGUAGES = {
  bash,
  c,
  cpp,
  csharp,
  css,
  go,
  ini,
  java,
  javascript,
  json,
  php,
  python,
  ruby,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};
const LONGEST = 200_000;

for (const [name, language] of Object.entries(LANGUAGES)) core.registerLanguage(name, language);
core.registerAliases(["toml"], { languageName: "ini" });
core.registerAliases(["console", "shell", "zsh"], { languageName: "bash" });

function styleOf(scope: string, theme: Theme): Style | null {
  const kind = scope.replace(/^hljs-/, "").split(/[ .]/)[0] ?? "";
  if (["keyword", "literal", "built_in", "type", "meta"].includes(kind)) return theme.keyword;
  if (["string", "regexp", "symbol", "number"].includes(kind)) return theme.string;
  if (["comment", "quote", "doctag"].includes(kind)) return theme.comment;
  if (["title", "section", "name", "attr", "attribute", "selector-tag", "selector-class"].includes(kind))
    return theme.accent;
  return null;
}

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

/** The library's HTML spans as terminal styles; the innermost style of a piece counts. */
function toTerminal(html: string, theme: Theme): string {
  const open: (Style | null)[] = [];
  return html.replace(/<span class="([^"]*)">|<\/span>|[^<]+/g, (piece: string, scope: string | undefined) => {
    if (scope !== undefined) {
      open.push(styleOf(scope, theme) ?? open.at(-1) ?? null);
      return "";
    }
    if (piece === "</span>") {
      open.pop();
      return "";
    }
    const plain = piece.replace(/&(?:amp|lt|gt|quot|#x27);/g, (entity) => ENTITIES[entity] ?? entity);
    const style = open.at(-1) ?? null;
    return style === null ? plain : style(plain);
  });
}

/** Lines of the code with colours; null for an unknown language, an overlong text, or where there are no colours. */
export function highlightCode(code: string, language: string, theme: Theme): string[] | null {
  if (!theme.colored || code.length > LONGEST) return null;
  const name = language.toLowerCase();
  if (core.getLanguage(name) === undefined) return null;
  return toTerminal(core.highlight(code, { language: name, ignoreIllegals: true }).value, theme).split("\n");
}
