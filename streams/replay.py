"""Everything on one machine, for a bounded load, with a reconciliation report at the end.

Starts a real Kafka (unless VPCFLOW_KAFKA names one), the emulator (unless an endpoint is given), a connector,
workers, the notifier and the page, each as the same subcommand that production runs; feeds them; reads back
what they published; compares that with the ledger; stops all it started, also when it is interrupted.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.live import Live

from emulator.ledger import Ledger
from emulator.world import feed
from emulator.world.traffic import Batch
from streams import replay_world, report
from streams.children import ChildFailed
from streams.replay_load import Options, ReplayError
from streams.replay_stage import Stage, kinesis_client, open_stage

QUIET_S = 90.0  # no progress for this long, and the replay gives up and says what is missing
SETTLED_S = 5.0
"""A file is done when nothing was published for this long: it does not say which alerts to wait for."""


@dataclass(slots=True)
class Progress:
    """How far the replay is: lines acknowledged by Kinesis, and when the feeding began."""

    total: int
    put: int = 0
    began: float = field(default_factory=time.monotonic)
    first_number_s: float = 0.0


async def run(options: Options) -> int:
    """Replay a load; return 0 when everything came out exactly once, else 1. Raises `ReplayError`."""
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


async def _replay(stage: Stage) -> int:
    options, console = stage.options, stage.console
    ledger, refused, source = stage.loaded.ledger, stage.loaded.refused, stage.loaded.source
    console.print(f"page      [link={stage.page}]{stage.page}[/link]")
    console.print(f"kinesis   {stage.endpoint}   kafka {stage.kafka}")
    progress = Progress(options.records)
    feed = _play(stage, ledger, progress) if options.world else _feed(stage, ledger, source, progress)
    feeding = asyncio.ensure_future(feed)
    try:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            quiet_since, last = time.monotonic(), -1
            while not (
                _is_done(stage, ledger, refused, feeding)
                and (not options.path or time.monotonic() - quiet_since > SETTLED_S)
            ):
                await asyncio.sleep(0.25)
                await _watch(stage, progress)
                live.update(report.bar(progress, stage.observer, ledger.lines))
                seen = stage.observer.messages + len(stage.observer.alerts) + progress.put
                if seen != last:
                    quiet_since, last = time.monotonic(), seen
                if time.monotonic() - quiet_since > QUIET_S:
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


def _is_done(stage: Stage, ledger: Ledger, refused: int, feeding: asyncio.Future[None]) -> bool:
    if not feeding.done():
        return False
    feeding.result()
    seen = stage.observer
    return seen.flows + sum(seen.dead.values()) >= ledger.lines + refused and _alerts_settled(stage, ledger)


def _alerts_settled(stage: Stage, ledger: Ledger) -> bool:
    fired = {(a.rule, a.labels.get("eni")) for a in stage.observer.alerts if a.status == "firing"}
    waited = time.monotonic() - stage.began > 600  # a missed incident must not keep a replay for ever
    return waited or all((label.rule, label.eni) in fired for label in ledger.labels if label.rule)


async def _watch(stage: Stage, progress: Progress) -> None:
    for child in stage.children:
        child.watch()
        await child.restart_if_ended()
    if not progress.first_number_s and stage.observer.messages:
        progress.first_number_s = time.monotonic() - stage.began


async def _play(stage: Stage, ledger: Ledger, progress: Progress) -> None:
    """Let the emulator play a world; its ledger is known when it is over."""
    how = replay_world.settings(stage.options)
    progress.began = time.monotonic()
    ledger.become(await replay_world.play(stage.endpoint, how, lambda lines: setattr(progress, "put", lines)))


async def _feed(stage: Stage, ledger: Ledger, source: Iterable[Batch], progress: Progress) -> None:
    progress.began = time.monotonic()

    def counted(batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if not stage.options.path:
                ledger.add_columns(batch.frame)
            yield batch

    def on_progress(base: int) -> Any:
        return lambda lines: setattr(progress, "put", base + lines)

    options, client = stage.options, kinesis_client(stage)
    payload: feed.Payload = "lines" if options.payload == "lines" else "cloudwatch"
    await feed.feed(
        client, stage.stream, counted(source), payload=payload, rate=options.rate, on_progress=on_progress(0)
    )
