// Mounts the app in Ink. The only module besides app.tsx and lines.ts that touches Ink or React; loaded by load-ink.ts.

import { render } from "ink";
import { App, type AppProps } from "./app.tsx";

export interface Mounted {
  /** Resolves when unmounted; rejects when drawing crashed. */
  ended: Promise<void>;
  /** Brings the present state through React at once instead of in the next microtask. */
  flush(): void;
  unmount(): void;
}

export function mountApp(props: AppProps, stdin: NodeJS.ReadStream, stderr: NodeJS.WriteStream): Mounted {
  const app = <App {...props} />;
  const instance = render(app, {
    // Only what Ink uses of a stream is there.
    stdout: props.output as unknown as NodeJS.WriteStream,
    stdin,
    stderr,
    exitOnCtrlC: false,
    patchConsole: true,
    incrementalRendering: true,
    maxFps: 30,
  });
  return {
    ended: instance.waitUntilExit().then(() => undefined),
    flush: () => instance.rerender(app),
    unmount: () => instance.unmount(),
  };
}
