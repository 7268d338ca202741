// Loads Ink with two of its start-up habits kept away. Owns the only places where globals are shadowed for the UI.

/** Looked at by Ink when it loads: with one set it would draw nothing until the end, although a person sits here. */
const CI_VARIABLES = ["CI", "CONTINUOUS_INTEGRATION"] as const;

/**
 * The layout engine's loader fetches its own code from a data URI, which on Node 20 loads the whole fetch client;
 * refused, it decodes the bytes itself. Every other request goes through.
 */
function shadowFetch(): () => void {
  const original = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (original === undefined || typeof original.value !== "function") return () => undefined;
  const real: typeof fetch = original.value;
  const shadow: typeof fetch = (input, init) =>
    typeof input === "string" && input.startsWith("data:application/octet-stream")
      ? Promise.reject(new TypeError("data URIs are not fetched here"))
      : real(input, init);
  Object.defineProperty(globalThis, "fetch", { ...original, value: shadow });
  return () => {
    Object.defineProperty(globalThis, "fetch", original);
  };
}

function hideVariables(environment: Record<string, string | undefined>): () => void {
  const hidden = CI_VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [{ name, value }];
  });
  for (const { name } of hidden) delete environment[name];
  return () => {
    for (const { name, value } of hidden) environment[name] = value;
  };
}

export async function loadInk(environment: Record<string, string | undefined>): Promise<typeof import("./mount.tsx")> {
  const restoreFetch = shadowFetch();
  const restoreVariables = hideVariables(environment);
  try {
    return await import("./mount.tsx");
  } finally {
    restoreVariables();
    restoreFetch();
  }
}
