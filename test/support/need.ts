// What only some machines can test. A title gives the reason only where it is one: where the test is left out.

export interface Need {
  missing: boolean;
  title(text: string): string;
}

export function need(met: boolean, reason: string): Need {
  return { missing: !met, title: (text) => (met ? text : `${text} (skipped: ${reason})`) };
}
