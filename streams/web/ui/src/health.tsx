/** The data health: losses first, then gaps and repeats, delays last. Without messages, nothing is rendered. */

import type { Health as Item } from "./board";
import { moment } from "./format";
import { board } from "./state";

const LOSSES = new Set(["trimmed", "shard_gone", "object_gone"]);

export function Health() {
  const found = board.value?.health ?? [];
  if (found.length === 0) return null;
  const losses = found.filter((one) => LOSSES.has(one.kind)).length;
  return (
    <section class="card health">
      <header>
        <h2>Data health</h2>
        <span class={losses ? "badge firing" : "badge"} data-testid="health-losses" data-value={losses}>
          {losses ? `${losses} ${losses === 1 ? "loss" : "losses"}` : "no loss"}
        </span>
      </header>
      <ul data-testid="health">
        {found.map((one) => (
          <Row key={`${one.kind}|${one.source}`} one={one} />
        ))}
      </ul>
    </section>
  );
}

function Row({ one }: { one: Item }) {
  return (
    <li data-testid="health-row" data-kind={one.kind}>
      <span class={LOSSES.has(one.kind) ? "badge firing" : "badge"}>{one.kind.replace("_", " ")}</span>
      <span class="eni" title={one.source}>{one.source}</span>
      <span class="since">{moment(one.at_ms / 1000, board.value?.now ?? 0)}</span>
      <span class="summary">{one.text}</span>
    </li>
  );
}
