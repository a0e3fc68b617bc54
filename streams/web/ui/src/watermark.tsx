/** The slots that hold the watermark, and the number of hidden windows. */

import { board } from "./state";

export function Watermark() {
  const { held, more, ahead } = board.value?.watermark ?? { held: [], more: 0, ahead: 0 };
  if (held.length === 0 && ahead === 0) return null;
  return (
    <section class="notice watermark" role="status" data-testid="watermark">
      {held.length > 0 && (
        <p data-testid="held">
          <strong>watermark held by</strong> {held.join("; ")}
          {more > 0 && `; and ${more} more ${more === 1 ? "slot" : "slots"}`}
        </p>
      )}
      {ahead > 0 && (
        <p data-testid="ahead">
          <strong>{ahead === 1 ? "1 window" : `${ahead} windows`} not shown</strong>, more than an hour ahead of the others
        </p>
      )}
    </section>
  );
}
