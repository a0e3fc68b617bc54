"""`python -m emulator.kafka`: a local Kafka in the foreground, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from emulator.kafka.node import kafka_node


async def main(data: Path | None, port: int) -> None:
    """Run a node until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with kafka_node(data, port=port) as node:
        print(f"kafka {node.bootstrap} started in {node.start_s:.1f} s, {node.rss_mb():.0f} MB", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None, 9092))
