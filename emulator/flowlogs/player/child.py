"""The process of the player, as `link` starts it: `python -m emulator.flowlogs.player.child URL`.

It is told on standard input what to play, and tells on standard output what it has delivered: JSON, one
object a line. It ends when its input ends, so that it never outlives the emulator.
"""

from __future__ import annotations

import asyncio
import os
import sys

import orjson

LINE_MAX_BYTES = 1 << 28  # a ledger is one line
TELL_S = 0.25


async def main(url: str) -> None:
    """Play until standard input ends, or the player does."""
    import structlog

    from emulator.flowlogs.player.port import Port
    from emulator.flowlogs.player.simulator import Player
    from emulator.flowlogs.player.snapshot import snapshot

    # What is said goes to standard error, which is the emulator's own; standard output is for the emulator.
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    reader = asyncio.StreamReader(limit=LINE_MAX_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def listen(player: Player) -> None:
        while line := await reader.readline():
            player.told(snapshot(orjson.loads(line)))

    async def tell(player: Player) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            try:
                sys.stdout.buffer.write(orjson.dumps(player.report()) + b"\n")
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                return  # The emulator is gone.

    async with Port.open(url) as port:
        player = Player(port)
        tasks = [asyncio.create_task(work) for work in (listen(player), player.run(), tell(player))]
        ended, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in going:
            task.cancel()
        await asyncio.wait(tasks)
        await player.close()
        for task in ended:
            task.result()


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it once, when it is imported.
    asyncio.run(main(sys.argv[1]))
