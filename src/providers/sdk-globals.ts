// What the vendors' SDKs may see of the process while they build a request: stand-ins for the globals `Headers`,
// `FormData` and `ReadableStream`, no console and no environment. Knows no vendor and sends nothing.
//
// Why: on Node 20 the first look at the global `Headers` or `FormData` loads all of undici, about four times the cost
// of a bare start, and the SDKs look at both for every request, whatever fetch they are given; `ReadableStream` costs a
// millisecond in the same way. They also print deprecations with console.warn, which would land between the lines of an
// answer, and read variables (ANTHROPIC_CUSTOM_HEADERS, ANTHROPIC_API_KEY, OPENAI_ORG_ID …) that could send one
// provider's secrets to another: keys and headers come from bmo's configuration alone.

/** As much of the standard's `Headers` as building a request and reading an answer takes. */
export class PlainHeaders {
  readonly #values = new Map<string, string>();

  constructor(init: PlainHeaders | Record<string, string> = {}) {
    for (const [name, value] of init instanceof PlainHeaders ? init.entries() : Object.entries(init))
      this.append(name, value);
  }
  append(name: string, value: string): void {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${value}`);
  }
  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), String(value));
  }
  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }
  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }
  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }
  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#values.entries();
  }
}

/** Nothing that bmo sends is one: the SDKs only ask. */
class NoFormData {}
class NoReadableStream {}

const STAND_INS = { Headers: PlainHeaders, FormData: NoFormData, ReadableStream: NoReadableStream };
const SILENT: Pick<Console, "debug" | "info" | "log" | "warn" | "error"> = {
  debug: () => undefined,
  info: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Puts values over globals without reading what is there: reading is what loads. Gives what takes them away again. */
function cover(values: Record<string, unknown>): () => void {
  const before = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, writable: true, value });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  };
}

let borrowers = 0;
let uncover = (): void => undefined;

/**
 * Lends the stand-ins until the function given back is called (more than once is harmless); with several borrowers,
 * until the last one returns them. Hold them only while an SDK works without waiting for input or output, so that
 * hardly any other code sees them.
 */
export function lendGlobals(): () => void {
  if (borrowers++ === 0) uncover = cover(STAND_INS);
  let returned = false;
  return () => {
    if (returned) return;
    returned = true;
    if (--borrowers === 0) uncover();
  };
}

/** Runs a synchronous call into an SDK without console and environment. */
export function isolated<T>(call: () => T): T {
  const restore = cover({ console: SILENT, process: Object.create(process, { env: { value: {} } }) as unknown });
  try {
    return call();
  } finally {
    restore();
  }
}
