// Server-sent events: bytes in, the data of complete events out, a whole chunk at a time. Knows no vendor.
// Reads the OpenAI formats; openai-client.ts says why.

/** Bytes that one event may have; a longer one is an attack or a broken server. */
export const EVENT_LIMIT = 8 * 1024 * 1024;

export interface SseReader {
  /**
   * Data of the events that this chunk completes. `[DONE]` marks and empty events are left out. @throws RangeError
   * above the limit.
   */
  push(chunk: Uint8Array): string[];
  /** Data of an event that the end of the stream completes. */
  end(): string[];
}

/**
 * Takes LF, CRLF and CR as line ends, any mixture; comments, ids and event names are skipped: the data names its type
 * itself.
 */
export function createSseReader(limit: number = EVENT_LIMIT): SseReader {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let data: string[] = [];
  let size = 0;

  const takeLine = (line: string, events: string[]): void => {
    if (line === "") {
      if (data.length > 0) {
        const text = data.length === 1 ? (data[0] ?? "") : data.join("\n");
        if (text !== "" && text !== "[DONE]") events.push(text);
      }
      data = [];
      size = 0;
      return;
    }
    if (!line.startsWith("data")) return;
    if (line.length > 4 && line.charCodeAt(4) !== 58) return;
    const text = line.slice(line.charCodeAt(5) === 32 ? 6 : 5);
    size += text.length;
    if (size > limit) throw new RangeError(`an event is larger than ${limit} bytes`);
    data.push(text);
  };

  const takeLines = (text: string, last: boolean): string[] => {
    const events: string[] = [];
    let start = 0;
    if (!text.includes("\r")) {
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        takeLine(text.slice(start, end), events);
        start = end + 1;
      }
    } else {
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index);
        if (code !== 10 && code !== 13) continue;
        // A CR at the very end may be the first half of CRLF: the next chunk decides.
        if (code === 13 && index + 1 === text.length && !last) break;
        takeLine(text.slice(start, index), events);
        if (code === 13 && text.charCodeAt(index + 1) === 10) index++;
        start = index + 1;
      }
    }
    rest = text.slice(start);
    if (rest.length > limit) throw new RangeError(`a line is larger than ${limit} bytes`);
    return events;
  };

  return {
    push: (chunk) => {
      const text = decoder.decode(chunk, { stream: true });
      // A long line in many chunks is joined without being searched each time.
      if (!text.includes("\n") && !text.includes("\r") && !rest.endsWith("\r")) {
        rest += text;
        if (rest.length > limit) throw new RangeError(`a line is larger than ${limit} bytes`);
        return [];
      }
      return takeLines(rest + text, false);
    },
    end: () => {
      const events = takeLines(rest + decoder.decode(), true);
      takeLine(rest, events);
      rest = "";
      takeLine("", events);
      return events;
    },
  };
}
