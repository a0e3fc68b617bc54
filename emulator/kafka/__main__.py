"""`python -m emulator.kafka`: a local Kafka in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from emulator.kafka.cluster import KafkaFailed, kafka_node


async def run(data_dir: Path | None, port: int) -> None:
    """Run a node until we are told to stop; it is an error when it ends by itself."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with kafka_node(data_dir, port=port) as node:
        click.echo(f"kafka {node.bootstrap} started in {node.start_s:.1f} s, {node.rss_mb():.0f} MB")
        waits = [asyncio.ensure_future(told.wait()), asyncio.ensure_future(node.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for waiting in waits:
            waiting.cancel()
        if not told.is_set():
            raise KafkaFailed(f"Kafka ended:\n{node.last_words()}")


@click.command(help=__doc__)
@click.argument("data_dir", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--port", default=9092, show_default=True, help="Port to listen on; 0 takes any free one.")
def main(data_dir: Path | None, port: int) -> None:
    """Run it, and say in one sentence what went wrong."""
    try:
        asyncio.run(run(data_dir, port))
    except KafkaFailed as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
