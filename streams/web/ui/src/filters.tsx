/** The filters of the view, each with a button that removes it. */

import { type Filter, FILTERS } from "./address";
import { board, look, view } from "./state";
import { moment } from "./format";
import { rows } from "./selection";

const NAMES: Record<Filter, string> = {
  eni: "interface", resource: "resource", peer: "peer", port: "port", pair: "pair", subnet: "subnet", zone: "zone",
  action: "action",
};
const PROTOCOLS: Record<string, string> = { "1": "ICMP", "6": "TCP", "17": "UDP", "58": "ICMPv6" };

export function Filters() {
  const { filters, from, to } = view.value;
  const chosen = FILTERS.filter((name) => filters[name]);
  const now = board.value?.now ?? 0;
  if (chosen.length === 0 && from === null && to === null) return null;
  return (
    <section class="filters" aria-label="filters" data-testid="filters">
      {chosen.map((name) => (
        <Chip key={name} name={NAMES[name]} value={shown(name, filters[name] ?? "")} remove={() => look({ filters: without(name) })} />
      ))}
      {(from !== null || to !== null) && (
        <Chip
          name="time"
          value={`${from ? moment(from, now) : "…"} – ${to ? moment(to, now) : "now"}`}
          remove={() => look({ from: null, to: null })}
        />
      )}
      <button type="button" data-testid="clear" onClick={() => look({ filters: {}, from: null, to: null })}>
        clear all
      </button>
    </section>
  );
}

function Chip({ name, value, remove }: { name: string; value: string; remove(): void }) {
  return (
    <span class="chip" data-testid={`filter-${name}`}>
      {name} <b title={value}>{value}</b>
      <button type="button" aria-label={`remove the filter ${name} ${value}`} onClick={remove}>
        ×
      </button>
    </span>
  );
}

function without(name: Filter): typeof view.value.filters {
  const { [name]: _, ...rest } = view.value.filters;
  return rest;
}

/** The value of a filter with names: of interfaces from the board, of ports with their protocol. */
function shown(name: Filter, value: string): string {
  if (name === "port") {
    const [port, protocol] = value.split("/");
    const text = PROTOCOLS[protocol ?? ""] ?? protocol;
    return port === "-1" ? (text ?? value) : text ? `${port}/${text}` : value;
  }
  const label = rows.value?.rows.find((row) => row.key === value)?.label;
  return board.value?.names[value] ?? label ?? value.replace("|", " → ");
}
