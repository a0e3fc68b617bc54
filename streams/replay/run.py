"""A replay: the whole system on one machine, a bounded load, and a reconciliation report at the end.

Starts a real Kafka (unless VPCFLOW_KAFKA names one), the emulator (unless an endpoint is given), a connector,
workers, the notifier and the page, each as the same subcommand that production runs; feeds them; reads back
what they published; compares that with the ledger; stops all it started, also when it is interrupted.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable, Iterator

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.live import Live

from emulator.ledger.ledger import Ledger, compare_alerts
from emulator.load import feed
from emulator.load.line_batch import LineBatch
from streams.replay import report, world
from streams.replay.load import ReplayError, ReplayOptions
from streams.replay.processes import ChildFailed
from streams.replay.progress import ReplayProgress
from streams.replay.stage import Stage, kinesis_client, open_stage

QUIET_S = 90.0  # Without progress for this time, the replay reports the missing lines and ends.
FINAL_S = 60.0
"""After the last line is read, windows become final and alerts fire within this time, or the replay fails."""
SETTLED_S = 5.0
"""If nothing is published for this long, no alert is on its way."""


async def run(options: ReplayOptions) -> int:
    """Replay a load. Return 0 if the result is exact, else 1. Raises `ReplayError`."""
    console = Console(stderr=options.as_json)
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, main.cancel)
    try:
        async with open_stage(options, console) as stage:
            return await _replay(stage)
    except asyncio.CancelledError:
        console.print("interrupted: everything that was started is stopped")
        return 130
    except ChildFailed as error:
        raise ReplayError(str(error)) from error
    except (ClientError, BotoCoreError) as error:
        raise ReplayError(f"Kinesis does not answer as it should: {error}") from error


def _servers(stage: Stage) -> str:
    return stage.kafka.connection.servers if stage.kafka else ""


async def _replay(stage: Stage) -> int:
    options, console = stage.options, stage.console
    ledger, refused, source = stage.loaded.ledger, stage.loaded.refused, stage.loaded.source
    console.print(f"page      [link={stage.page}]{stage.page}[/link]")
    console.print(f"kinesis   {stage.endpoint}   kafka {_servers(stage)}")
    progress = ReplayProgress(options.records)
    feed = _play(stage, ledger, progress) if options.world else _feed(stage, ledger, source, progress)
    feeding = asyncio.ensure_future(feed)
    try:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            quiet_since, last = time.monotonic(), -1
            while True:
                await asyncio.sleep(0.25)
                await _watch(stage, progress)
                live.update(report.bar(progress, stage.observer, ledger.lines))
                now = time.monotonic()
                seen = stage.observer.messages + len(stage.observer.alerts) + progress.put
                if seen != last:
                    quiet_since, last = now, seen
                if progress.out_at:
                    if now - progress.out_at > FINAL_S or _is_settled(stage, ledger, now - quiet_since):
                        break
                elif _is_out(stage, ledger, refused, feeding):
                    progress.out_at = now
                elif now - quiet_since > QUIET_S:
                    console.print(f"[red]no progress for {QUIET_S:.0f} s; reporting what there is[/red]")
                    break
    finally:
        feeding.cancel()
    await _watch(stage, progress)
    result = report.reconcile(stage, progress, ledger, refused)
    report.show(console, result, options.as_json)
    if options.keep:
        console.print(f"\nkept: {stage.page} serves on until Ctrl-C")
        await asyncio.Event().wait()
    return 0 if result.is_exact else 1


def _is_out(stage: Stage, ledger: Ledger, refused: int, feeding: asyncio.Future[None]) -> bool:
    """Return True if all lines are published or refused."""
    if not feeding.done():
        return False
    feeding.result()
    seen = stage.observer
    return seen.flows + sum(seen.dead.values()) >= ledger.lines + refused


def _is_settled(stage: Stage, ledger: Ledger, quiet_s: float) -> bool:
    """Return True if old windows are final, planted alerts have fired, and no message has come lately."""
    final_to = stage.observer.newest_window() - stage.options.final_after_s
    if quiet_s < SETTLED_S or not stage.observer.finals(final_to).is_complete:
        return False
    return not compare_alerts(ledger.labels, stage.observer.alerts, final_to).missed


async def _watch(stage: Stage, progress: ReplayProgress) -> None:
    for child in stage.children:
        child.watch()
        await child.restart_if_ended()
    if not progress.first_number_s and stage.observer.messages:
        progress.first_number_s = time.monotonic() - stage.began


async def _play(stage: Stage, ledger: Ledger, progress: ReplayProgress) -> None:
    """Simulate a world in the emulator until its load is delivered, then take its ledger."""
    how = world.settings(stage.options)
    progress.began = time.monotonic()
    ledger.replace_by(await world.play(stage.endpoint, how, lambda lines: setattr(progress, "put", lines)))


async def _feed(stage: Stage, ledger: Ledger, source: Iterable[LineBatch], progress: ReplayProgress) -> None:
    progress.began = time.monotonic()

    def counted(batches: Iterable[LineBatch]) -> Iterator[LineBatch]:
        for batch in batches:
            if not stage.options.path:
                ledger.add_columns(batch.frame)
            yield batch

    options = stage.options
    await feed.feed(
        kinesis_client(stage),
        stage.stream,
        counted(source),
        payload="lines" if options.payload == "lines" else "cloudwatch",
        rate=options.rate,
        on_progress=lambda lines: setattr(progress, "put", lines),
        # A few calls can hold days of a file, so they are sent in order. A simulated load is dense.
        calls_in_flight=1 if options.path else feed.CALLS_IN_FLIGHT,
    )
