/** The table of the largest rows of the view, with one row for the others and one for the total. */

import { filterOf, format, GROUPS, isSelective, ORDERS, type Order } from "./address";
import { bytes, count, percent } from "./format";
import { type Answer, failure, rows as selected, rowsCsv, type Sums } from "./selection";
import { board, look, view } from "./state";
import { Switch } from "./switch";

type Table = Pick<Answer<Sums>, "rows" | "other" | "others" | "total">;

export function Top() {
  const table = isSelective(view.value) ? selected.value : interfaces();
  const csv = isSelective(view.value) ? rowsCsv.value : `api/export.csv${format(view.value)}`;
  return (
    <section class="card top">
      <header>
        <h2>Top</h2>
        <Switch name="group" values={GROUPS} value={view.value.group} pick={(group) => look({ group })} />
        <Switch name="by" values={ORDERS} value={view.value.by} pick={(by) => look({ by })} />
        <a class="button" href={csv} data-testid="export" download>
          CSV
        </a>
      </header>
      {failure.value && isSelective(view.value) && <p class="nothing" role="status">{failure.value}</p>}
      {table && table.rows.length > 0 ? <Rows table={table} /> : <p class="nothing">{nothing(table)}</p>}
    </section>
  );
}

function nothing(table: Table | null): string {
  if (isSelective(view.value) && table === null) return "Reading the conversations.";
  return isSelective(view.value) ? "No conversations in this selection." : "No traffic in this range.";
}

/** The interfaces of the live stream as rows. */
function interfaces(): Table | null {
  const found = board.value;
  if (found === null) return null;
  const { top, names } = found;
  const row = (one: (typeof top.rows)[number]) => ({ ...one, key: one.eni, label: names[one.eni] ?? one.eni, bound: 0 });
  return { rows: top.rows.map(row), other: top.other && row(top.other), others: top.others, total: row(top.total) };
}

function Rows({ table }: { table: Table }) {
  const { by, group } = view.value;
  const largest = Math.max(...table.rows.map((row) => row.share), table.other?.share ?? 0, 1e-9);
  const head = (name: Order) => (
    <th key={name} scope="col" class={by === name ? "chosen" : undefined} aria-sort={by === name ? "descending" : "none"}>
      {name}
    </th>
  );
  return (
    <div class="wide">
      <table data-testid="top" data-group={group}>
        <thead>
          <tr>
            <th scope="col">{group}</th>
            <th scope="col" class="share">share</th>
            {ORDERS.map(head)}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <Line key={row.key} row={row} largest={largest} isChoice={row.key !== ""} />
          ))}
        </tbody>
        <tfoot>
          {table.other && <Line row={{ ...table.other, label: `Other (${table.others})` }} largest={largest} />}
          <Line row={{ ...table.total, label: "Total" }} largest={0} />
        </tfoot>
      </table>
    </div>
  );
}

interface LineProperties {
  readonly row: Sums;
  readonly largest: number;
  readonly isChoice?: boolean;
}

function Line({ row, largest, isChoice = false }: LineProperties) {
  const { by, group, filters } = view.value;
  const choose = () => look({ filters: { ...filters, [filterOf(group)]: row.key } });
  const cell = (order: Order, text: string) => (
    <td class={by === order ? "chosen" : undefined} data-column={order} data-value={row[order]} title={bound(row, order, by)}>
      {row.bound > 0 && by === order && "≥ "}
      {text}
    </td>
  );
  return (
    <tr data-testid="top-row" data-eni={row.key} onClick={isChoice ? choose : undefined} class={isChoice ? "choice" : undefined}>
      <th scope="row" title={row.label === row.key ? undefined : row.key}>
        {isChoice ? (
          <button type="button" class="cell" aria-label={`filter by ${group} ${row.label}`}>
            {row.label}
          </button>
        ) : (
          row.label
        )}
      </th>
      <td class="share">
        {largest > 0 && (
          <>
            <i style={{ width: `calc((100% - 76px) * ${row.share / largest})` }} />
            <span>{percent(100 * row.share)}</span>
          </>
        )}
      </td>
      {cell("bytes", bytes(row.bytes))}
      {cell("packets", count(row.packets))}
      {cell("flows", count(row.flows))}
      {cell("rejects", count(row.rejects))}
    </tr>
  );
}

/** The sentence of an inexact value. */
function bound(row: Sums, order: Order, by: Order): string | undefined {
  return row.bound > 0 && order === by ? `too low by at most ${count(row.bound)}` : undefined;
}
