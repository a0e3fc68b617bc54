"""The simulator process, started by `link`: `python -m emulator.flowlogs.player.child URL`.

It reads snapshots from standard input and writes reports to standard output: JSON, one object per line. It
ends at the end of its input, so that it never outlives the emulator.
"""

from __future__ import annotations

import asyncio
import os
import sys

import orjson

LINE_MAX_BYTES = 1 << 28  # A ledger is one line.
REPORT_S = 0.25


async def main(url: str) -> None:
    """Simulate until standard input ends or the simulator fails."""
    from emulator.flowlogs.player.port import Port
    from emulator.flowlogs.player.simulator import Simulator
    from emulator.flowlogs.player.snapshot import snapshot

    _log_to_standard_error()
    reader = asyncio.StreamReader(limit=LINE_MAX_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def listen(simulator: Simulator) -> None:
        while line := await reader.readline():
            simulator.receive(snapshot(orjson.loads(line)))

    async def report(simulator: Simulator) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            try:
                sys.stdout.buffer.write(orjson.dumps(simulator.report()) + b"\n")
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                return  # The emulator has ended.

    async with Port.open(url) as port:
        simulator = Simulator(port)
        works = (listen(simulator), simulator.run(), report(simulator))
        tasks = [asyncio.create_task(work) for work in works]
        ended, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in going:
            task.cancel()
        await asyncio.wait(tasks)
        await simulator.close()
        for task in ended:
            task.result()


def _log_to_standard_error() -> None:
    """Configure the log. The process shares standard error with the emulator; standard output is the link."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it at import.
    asyncio.run(main(sys.argv[1]))
