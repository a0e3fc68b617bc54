/** The table of the largest ENIs of the range, with one row for the others and one for the total. */

import { ORDERS, format } from "./address";
import type { Row, Top as Table } from "./board";
import { bytes, count, percent } from "./format";
import { board, look, view } from "./state";
import { Switch } from "./switch";

export function Top() {
  const table = board.value?.top;
  return (
    <section class="card top">
      <header>
        <h2>Top interfaces</h2>
        <Switch name="by" values={ORDERS} value={view.value.by} pick={(by) => look({ by })} />
        <a class="button" href={`api/export.csv${format(view.value)}`} data-testid="export" download>
          CSV
        </a>
      </header>
      {table && table.rows.length > 0 ? <Rows table={table} /> : <p class="nothing">No traffic in this range.</p>}
    </section>
  );
}

function Rows({ table }: { table: Table }) {
  const largest = Math.max(...table.rows.map((row) => row.share), table.other?.share ?? 0, 1e-9);
  const head = (name: (typeof ORDERS)[number]) => (
    <th scope="col" class={table.by === name ? "chosen" : undefined} aria-sort={table.by === name ? "descending" : "none"}>
      {name}
    </th>
  );
  return (
    <table data-testid="top">
      <thead>
        <tr>
          <th scope="col">interface</th>
          <th scope="col" class="share">share</th>
          {ORDERS.map(head)}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row) => (
          <Line key={row.eni} row={row} name={row.eni} largest={largest} table={table} />
        ))}
      </tbody>
      <tfoot>
        {table.other && (
          <Line row={table.other} name={`Other (${table.others})`} largest={largest} table={table} />
        )}
        <Line row={table.total} name="Total" largest={0} table={table} />
      </tfoot>
    </table>
  );
}

interface LineProperties {
  readonly row: Row;
  readonly name: string;
  readonly largest: number;
  readonly table: Table;
}

function Line({ row, name, largest, table }: LineProperties) {
  const cell = (order: (typeof ORDERS)[number], text: string) => (
    <td class={table.by === order ? "chosen" : undefined} data-column={order} data-value={row[order]}>
      {text}
    </td>
  );
  return (
    <tr data-testid="top-row" data-eni={row.eni}>
      <th scope="row">{name}</th>
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
