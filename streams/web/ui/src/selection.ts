/** The conversations of the view: asked from the API when the view changes, and again while it is shown. */

import { computed, effect, signal } from "@preact/signals";
import { formatConversations, hasFilter, isSelective } from "./address";
import type { Point } from "./board";
import { view } from "./state";

const AGAIN_MS = 5_000; // open windows are published every ten seconds
const ROWS = 10;
const CONVERSATIONS = 50;

export interface Sums {
  readonly key: string;
  readonly label: string;
  readonly flows: number;
  readonly packets: number;
  readonly bytes: number;
  readonly rejects: number;
  readonly bound: number;
  readonly share: number;
}

export interface Conversation extends Sums {
  readonly eni: string;
  readonly eni_name: string;
  readonly action: string;
  readonly direction: string;
  readonly source: string;
  readonly source_name: string;
  readonly destination: string;
  readonly destination_name: string;
  readonly port: number;
  readonly protocol: number;
  readonly service: string;
}

export interface Answer<Row> {
  readonly begin: number;
  readonly end: number;
  readonly kept_from: number | null;
  readonly rows: readonly Row[];
  readonly other: Sums | null;
  readonly others: number;
  readonly total: Sums;
  readonly series: readonly Point[];
}

export const rows = signal<Answer<Sums> | null>(null);
export const conversations = signal<Answer<Conversation> | null>(null);
export const failure = signal("");

const rowsQuery = computed(() =>
  isSelective(view.value) ? formatConversations(view.value, view.value.group, { n: String(ROWS) }) : "",
);
const conversationsQuery = computed(() =>
  hasFilter(view.value) ? formatConversations(view.value, "conversation", { n: String(CONVERSATIONS) }) : "",
);

/** The address of the CSV of the rows, and of the conversations. */
export const rowsCsv = computed(() => csv(view.value.group));
export const conversationsCsv = computed(() => csv("conversation"));

function csv(group: string): string {
  return `api/conversations${formatConversations(view.value, group, { n: "10000", format: "csv" })}`;
}

/** Follow the view. */
export function startSelection(): void {
  effect(() => follow(rowsQuery.value, (found) => (rows.value = found as Answer<Sums> | null)));
  effect(() =>
    follow(conversationsQuery.value, (found) => (conversations.value = found as Answer<Conversation> | null)),
  );
}

/** Ask for a query now and every few seconds; return a function that stops it. */
function follow(query: string, show: (found: unknown) => void): () => void {
  let timer = 0;
  const stop = new AbortController();
  show(null);
  if (query === "") return () => undefined;

  async function ask(): Promise<void> {
    try {
      const response = await fetch(`api/conversations${query}`, { signal: stop.signal });
      if (!response.ok) throw new Error(await response.text());
      show(await response.json());
      failure.value = "";
    } catch (error) {
      if (stop.signal.aborted) return;
      failure.value = error instanceof Error ? error.message : String(error);
    }
    timer = window.setTimeout(ask, AGAIN_MS);
  }

  void ask();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}
