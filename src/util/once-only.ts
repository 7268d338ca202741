// A value that is worked out when it is first asked for. Pure.

export function onceOnly<Value>(make: () => Value): () => Value {
  let made: { value: Value } | null = null;
  return () => (made ??= { value: make() }).value;
}
