// Nobody is there: what would ask is denied, and the model is told why.

import type { Ask } from "../types/permission.ts";

export const headlessAsk: Ask = (request) => {
  switch (request.kind) {
    case "question":
      return Promise.resolve({ answer: "none", reason: "nobody is here; put it into open_questions" });
    case "effects":
      return Promise.resolve({ answer: "restore" });
    case "permission":
    case "scope":
    case "fallback":
    case "trust":
    case "confirm":
      return Promise.resolve({ answer: "none", reason: "nobody is here to ask" });
  }
};
