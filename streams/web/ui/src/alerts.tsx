/** The list of alerts, firing first, with start time, value and threshold. */

import type { Alert } from "./board";
import { count, moment, span } from "./format";
import { format, type View } from "./address";
import { board, look, view } from "./state";

export function Alerts() {
  const alerts = board.value?.alerts ?? [];
  const firing = alerts.filter((alert) => alert.status === "firing").length;
  return (
    <section class="card alerts">
      <header>
        <h2>Alerts</h2>
        <span class={firing ? "badge firing" : "badge"} data-testid="alerts-firing" data-value={firing}>
          {firing ? `${firing} firing` : "none firing"}
        </span>
      </header>
      {alerts.length === 0 ? (
        <p class="nothing">No alerts. Rules are watching every final window.</p>
      ) : (
        <ul data-testid="alerts">
          {alerts.map((alert) => (
            <Item key={alert.fingerprint} alert={alert} now={board.value?.now ?? 0} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Item({ alert, now }: { alert: Alert; now: number }) {
  const since = Math.max(now - alert.starts_at, 0);
  const lasted = alert.ends_at ? `lasted ${span(alert.ends_at - alert.starts_at)}` : `for ${span(since)}`;
  const eni = alert.labels["eni"];
  const target: View = {
    ...view.value,
    group: "peer",
    filters: eni ? { eni } : {},
    from: alert.window_start,
    to: alert.window_end,
  };
  const open = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    look(target);
  };
  return (
    <li data-testid="alert-row" data-status={alert.status} data-fingerprint={alert.fingerprint} title={alert.summary}>
      <span class={`badge ${alert.status}`}>{alert.status}</span>
      <b class="rule">{alert.rule}</b>
      <span class="eni">
        {eni ? (
          <a href={format(target)} data-testid="alert-link" onClick={open} title={eni}>
            {board.value?.names[eni] ?? eni}
          </a>
        ) : (
          alert.severity
        )}
      </span>
      <span class="value">
        <b>{count(alert.value)}</b> vs {count(alert.threshold)}
      </span>
      <span class="summary">{alert.summary}</span>
      <span class="since">
        {moment(alert.starts_at, now)}, {lasted}
      </span>
    </li>
  );
}
