"""The progress line and the reconciliation report of a replay."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from emulator.ledger.conversations import ConversationReport, compare_conversations
from emulator.ledger.ledger import AlertReport, Ledger, WindowReport, compare, compare_alerts
from streams.records import Alert
from streams.replay.observer import Finals, Observer
from streams.replay.progress import ReplayProgress
from streams.replay.stage import Stage


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a replay. `is_exact` summarizes all checks."""

    windows: WindowReport
    finals: Finals
    final_after_s: int
    conversations: ConversationReport | None
    """None for a file and for a world, whose ledgers have no conversations."""
    alerts: AlertReport
    refused_expected: int
    dead: dict[str, int]
    backwards: int
    lines_per_s: float
    first_number_s: float
    latency_p50_ms: int
    latency_p99_ms: int
    peak_mb: dict[str, int]
    cpu_s: dict[str, float]
    restarts: int
    alerts_found: tuple[Alert, ...] | None = None
    """The alerts of a file, which has no labels, so that no alert is false. None for other loads."""

    @property
    def is_exact(self) -> bool:
        """True if all lines count once, old windows are final, and alerts match the planted incidents."""
        refused = sum(self.dead.values())
        return (
            self.windows.exact
            and self.finals.is_complete
            and (self.conversations is None or self.conversations.exact)
            and self.alerts.exact
            and refused == self.refused_expected
            and not self.backwards
        )


def bar(progress: ReplayProgress, observer: Observer, lines: int) -> Table:
    """Return the progress line: records, rate, lag, elapsed time, remaining time."""
    done = observer.flows + sum(observer.dead.values())
    elapsed = time.monotonic() - progress.began
    rate = done / elapsed if elapsed > 0 else 0.0
    total = max(progress.total, lines, 1)
    left = (total - done) / rate if rate > 0 else 0.0
    row = Table.grid(padding=(0, 2))
    row.add_row(
        ProgressBar(total=total, completed=min(done, total), width=30),
        f"{done:,} of {total:,} records",
        f"{rate:,.0f}/s",
        f"lag {max(progress.put - done, 0):,}",
        f"{elapsed:.0f} s elapsed",
        f"{left:.0f} s left",
    )
    return row


def reconcile(stage: Stage, progress: ReplayProgress, ledger: Ledger, refused: int) -> Result:
    """Compare the published messages with the ledger."""
    observer = stage.observer
    elapsed = max((progress.out_at or time.monotonic()) - progress.began, 0.001)
    final_to = observer.newest_window() - stage.options.final_after_s
    fired = {alert.fingerprint: alert for alert in observer.alerts if alert.status == "firing"}
    is_file = bool(stage.options.path)
    memory = {child.name: child.peak_rss_bytes >> 20 for child in stage.children}
    if stage.kafka is not None and stage.kafka.node is not None:
        memory["kafka"] = int(stage.kafka.node.rss_mb())
    return Result(
        windows=compare(ledger, observer.aggregates),
        finals=observer.finals(final_to),
        final_after_s=stage.options.final_after_s,
        conversations=None
        if is_file or stage.options.world
        else compare_conversations(ledger.conversations, observer.conversations, final_to),
        alerts=compare_alerts(ledger.labels, () if is_file else observer.alerts, final_to),
        refused_expected=refused,
        dead=dict(observer.dead),
        backwards=observer.backwards,
        lines_per_s=ledger.lines / elapsed,
        first_number_s=progress.first_number_s,
        latency_p50_ms=observer.latency_ms(0.50),
        latency_p99_ms=observer.latency_ms(0.99),
        peak_mb=memory,
        cpu_s={child.name: round(child.cpu_s, 1) for child in stage.children},
        restarts=sum(len(child.restarts) for child in stage.children),
        alerts_found=tuple(fired.values()) if is_file else None,
    )


def show(console: Console, result: Result, as_json: bool) -> None:
    """Print the report as a table, or as JSON to standard output."""
    if as_json:
        print(orjson.dumps({**asdict(result), "exact": result.is_exact}, default=str).decode())
        return
    console.print(_table(result))
    for sample in result.windows.samples:
        console.print(f"  differs {sample.key}: handed out {sample.expected}, published {sample.published}")
    for text in result.conversations.samples if result.conversations else ():
        console.print(f"  differs {text}")
    for alert in result.alerts.false:
        console.print(f"  false   {alert}")
    for alert in result.alerts_found or ():
        console.print(f"  alert   {alert.rule}: {alert.summary}")
    verdict = "[bold green]exact[/]" if result.is_exact else "[bold red]NOT EXACT[/]"
    console.print(
        f"{verdict}: {result.windows.lines:,} lines in, {result.windows.windows:,} windows compared"
    )


def _reasons(dead: Mapping[str, int]) -> str:
    found = ", ".join(f"{why} {count:,}" for why, count in sorted(dead.items()))
    return f": {found}" if found else ""


def _conversation_rows(result: Result) -> list[tuple[str, str]]:
    found = result.conversations
    if found is None:
        return []
    of = f"{found.conversations:,} in {found.groups:,}, {found.bounded:,} with a rest"
    return [("interface minutes whose conversations differ", f"{found.differing:,} ({of})")]


def _alert_rows(result: Result) -> list[tuple[str, str]]:
    if result.alerts_found is not None:
        return [("alerts found", f"{len(result.alerts_found):,}")]
    alerts = result.alerts
    false = f"{len(alerts.false):,} ({len(alerts.related)} of another rule at a planted place)"
    return [("planted incidents", _incidents(alerts)), ("false alerts", false)]


def _incidents(alerts: AlertReport) -> str:
    text = f"{len(alerts.found)} found, {len(alerts.missed)} missed"
    if alerts.unsettled:
        text += f", {len(alerts.unsettled)} in windows that are not final"
    kinds = ", ".join(sorted({label.kind for label in alerts.unwatched}))
    return f"{text}; no detector yet: {kinds}" if kinds else text


def _finals(result: Result) -> str:
    """Return the counts of final windows among those that the lateness has passed."""
    minutes, rest = divmod(result.final_after_s, 60)
    age = "ten minutes" if result.final_after_s == 600 else f"{result.final_after_s} s"
    age = f"{minutes} minutes" if age.endswith(" s") and not rest else age
    return f"{result.finals.final:,} of {result.finals.old:,} older than {age}"


def _table(result: Result) -> Table:
    table = Table(title="reconciliation", show_header=False, title_justify="left")
    table.add_column(justify="left")
    table.add_column(justify="right")
    windows = result.windows
    refused = sum(result.dead.values())
    rows: list[tuple[str, Any]] = [
        ("lines handed out", f"{windows.lines:,}"),
        ("lines lost", f"{windows.lost:,}"),
        ("lines twice", f"{windows.twice:,}"),
        ("windows that differ", f"{windows.differing:,} of {windows.windows:,}"),
        ("final windows", _finals(result)),
        *_conversation_rows(result),
        ("revisions that went backwards", f"{result.backwards:,}"),
        ("refused, in `dead`", f"{refused:,} ({result.refused_expected:,} expected){_reasons(result.dead)}"),
        *_alert_rows(result),
        ("sustained", f"{result.lines_per_s:,.0f} records/s"),
        ("arrival to readable", f"p50 {result.latency_p50_ms:,} ms, p99 {result.latency_p99_ms:,} ms"),
        ("start to first number", f"{result.first_number_s:.1f} s"),
        ("peak memory, MB", ", ".join(f"{n} {mb}" for n, mb in result.peak_mb.items())),
        ("CPU seconds", ", ".join(f"{n} {s}" for n, s in result.cpu_s.items())),
        ("restarts", str(result.restarts)),
    ]
    for name, value in rows:
        table.add_row(name, str(value))
    return table
