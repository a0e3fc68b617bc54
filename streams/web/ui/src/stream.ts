/** The live stream: one EventSource, which the browser resumes; if it cannot, a new one is opened. */

import type { Event } from "./board";

const SILENCE_MS = 10_000; // the server ticks each second, so ten silent ones mean a dead connection
const AGAIN_MS = 2_000;

export interface Listener {
  event(event: Event, isSnapshot: boolean): void;
  lost(): void;
}

/** Follow the stream of a query; return a function that stops it. */
export function follow(query: string, listener: Listener): () => void {
  let source: EventSource | null = null;
  let timer = 0;

  function open(): void {
    source = new EventSource(`api/live${query}`);
    source.addEventListener("snapshot", (message) => take(message, true));
    source.addEventListener("tick", (message) => take(message, false));
    source.addEventListener("error", () => {
      listener.lost();
      // The browser does not retry after an HTTP error such as 503, so retry here.
      if (source?.readyState === EventSource.CLOSED) again(AGAIN_MS);
    });
    again(SILENCE_MS, listener.lost);
  }

  function take(message: MessageEvent<string>, isSnapshot: boolean): void {
    again(SILENCE_MS, listener.lost);
    listener.event(JSON.parse(message.data) as Event, isSnapshot);
  }

  function again(afterMs: number, first?: () => void): void {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      first?.();
      source?.close();
      open();
    }, afterMs);
  }

  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
