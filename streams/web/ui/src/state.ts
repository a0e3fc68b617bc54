/** The state of the page: the board, the view in its address, and the state of the stream. */

import { computed, effect, signal } from "@preact/signals";
import { format, formatLive, parse, type View } from "./address";
import { apply, type Board } from "./board";
import { span } from "./format";
import { follow } from "./stream";

export const board = signal<Board | null>(null);
export const view = signal<View>(parse(location.search));
export const isLost = signal(false);

/** Change the view, its address and, through the effect below, the stream. */
export function look(change: Partial<View>): void {
  const next = { ...view.value, ...change };
  if (format(next) === format(view.value)) return;
  history.pushState(null, "", format(next));
  view.value = next;
}

const live = computed(() => formatLive(view.value));

/** Follow the stream of the current view, and the navigation of the browser. */
export function start(): void {
  addEventListener("popstate", () => {
    view.value = parse(location.search);
  });
  effect(() =>
    follow(live.value, {
      event(event, isSnapshot) {
        board.value = apply(board.peek(), event, isSnapshot);
        isLost.value = false;
      },
      lost() {
        isLost.value = true;
      },
    }),
  );
}

export interface Standing {
  readonly name: "live" | "connecting" | "lost" | "broken" | "waiting" | "reading" | "empty" | "stale";
  readonly text: string;
}

/** Return the state of the page as text; the most severe state has priority. */
export function standing(board: Board | null, isLost: boolean): Standing {
  if (isLost) return { name: "lost", text: "stream lost, retrying" };
  if (board === null) return { name: "connecting", text: "connecting" };
  const { link, detail, silent_s, is_stale, is_caught_up, is_reading_history } = board.state;
  if (link === "reconnecting") return { name: "broken", text: `reconnecting: ${detail}` };
  if (link === "waiting") return { name: "waiting", text: detail };
  if (board.points.length === 0) return { name: "empty", text: "no windows yet" };
  if (link === "live" && (!is_caught_up || is_reading_history)) return { name: "reading", text: "reading history" };
  if (is_stale) return { name: "stale", text: `no data for ${span(silent_s)}` };
  return { name: "live", text: "live" };
}
