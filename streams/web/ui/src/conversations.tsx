/** The largest conversations of the filtered view as rows, with their CSV. */

import { bytes, count, moment } from "./format";
import { type Conversation, conversations, conversationsCsv, failure } from "./selection";
import { board, look, view } from "./state";
import { hasFilter } from "./address";

export function Conversations() {
  if (!hasFilter(view.value)) return null;
  const found = conversations.value;
  return (
    <section class="card conversations">
      <header>
        <h2>Conversations</h2>
        {found && found.others > 0 && <span class="more">the largest {found.rows.length}, and {count(found.others)} more</span>}
        <a class="button" href={conversationsCsv.value} data-testid="conversations-csv" download>
          CSV
        </a>
      </header>
      {failure.value && <p class="nothing" role="status">{failure.value}</p>}
      {found && (found.rows.length > 0 ? <Table rows={found.rows} /> : <Nothing keptFrom={found.kept_from} begin={found.begin} />)}
    </section>
  );
}

function Nothing({ keptFrom, begin }: { keptFrom: number | null; begin: number }) {
  const now = board.value?.now ?? 0;
  const isOld = begin > 0 && now - begin > 3600;
  return (
    <p class="nothing" data-testid="no-conversations">
      No conversations in this selection.{" "}
      {isOld && "The page has those of the last hour; "}
      {isOld && (keptFrom ? `here since ${moment(keptFrom, now)}.` : "older ones are in the archive.")}
    </p>
  );
}

function Table({ rows }: { rows: readonly Conversation[] }) {
  return (
    <div class="wide">
      <table data-testid="conversations">
        <thead>
          <tr>
            {["interface", "action", "source", "destination", "service"].map((name) => (
              <th key={name} scope="col" class="text">{name}</th>
            ))}
            {["bytes", "packets", "flows"].map((name) => (
              <th key={name} scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={`${row.eni}|${row.action}|${row.direction}|${row.key}|${row.service}`} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row }: { row: Conversation }) {
  const ends = [
    [row.source, row.source_name],
    [row.destination, row.destination_name],
  ] as const;
  const filter = (change: object) => () => look({ filters: { ...view.value.filters, ...change } });
  return (
    <tr data-testid="conversation-row" data-action={row.action}>
      <th scope="row">
        <button type="button" class="cell" title={row.eni} onClick={filter({ eni: row.eni })}>
          {row.eni_name || row.eni}
        </button>
      </th>
      <td class={`text action ${row.action.toLowerCase()}`}>{row.action === "-" ? "no action" : row.action}</td>
      {ends.map(([address, name], at) => (
        <td class="text end" key={at} title={address}>
          {name || address || "–"}
          {name && name !== address && <small> {address}</small>}
        </td>
      ))}
      <td class="text">
        <button type="button" class="cell" onClick={filter({ port: `${row.port}/${row.protocol}` })}>
          {row.service}
        </button>
      </td>
      <td data-column="bytes" data-value={row.bytes}>{bytes(row.bytes)}</td>
      <td>{count(row.packets)}</td>
      <td>{count(row.flows)}</td>
    </tr>
  );
}
