"""What an HTTP server costs under the emulator: CPU of the server and wall of the client, for each candidate.

`python -m tests.bench.http_servers` prints one line for each. All of them read the whole body, parse it as
JSON and answer with a body of the size that Kinesis would: 60 KB for 500 records, 60 bytes for a small call.
Candidates that are not installed are left out: granian, hypercorn and uvloop are no dependencies of ours.
"""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import orjson
import psutil

from emulator.kafka.ports import free_port

CANDIDATES = {"aiohttp": "aiohttp", "httptools": "httptools", "hypercorn": "hypercorn", "granian": "granian"}
PUT = orjson.dumps({"Records": [{"PartitionKey": str(n), "Data": "A" * 1368} for n in range(500)]})
SMALL, PUT_ANSWER, SMALL_ANSWER = b'{"Limit":10}', b" " * 60_000, b" " * 60
PUTS, CALLS = 200, 10_000


def answer_to(body: bytes) -> bytes:
    """Do what every server must do with a request."""
    return PUT_ANSWER if "Records" in orjson.loads(body) else SMALL_ANSWER


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer as an ASGI application, for the two servers that want one."""
    if scope["type"] != "http":
        return
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer_to(b"".join(parts))})


async def serve_aiohttp(port: int) -> None:
    """Serve with aiohttp's lowest server."""
    from aiohttp import web

    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(body=answer_to(await request.read()))

    server = web.Server(handle, read_bufsize=1 << 20, access_log=None)
    await (await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)).serve_forever()


async def serve_httptools(port: int) -> None:
    """Serve with the emulator's own edge."""
    from emulator.http.listener import listen
    from emulator.http.messages import Incoming, Outgoing

    async def handle(incoming: Incoming) -> Outgoing:
        return Outgoing(200, {}, answer_to(incoming.body))

    await listen(handle, "127.0.0.1", port)
    await asyncio.Event().wait()


def serve(name: str, port: int) -> None:
    """Serve with one candidate, `+uvloop` meaning that it runs on uvloop."""
    name, _, loop = name.partition("+")
    if loop:
        asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())
    if name == "granian":
        where, on = "tests.bench.http_servers:app", "uvloop" if loop else "asyncio"
        import_module("granian").Granian(where, port=port, interface="asgi", loop=on).serve()
    elif name == "hypercorn":
        config = import_module("hypercorn.config").Config.from_mapping(bind=[f"127.0.0.1:{port}"])
        asyncio.run(import_module("hypercorn.asyncio").serve(app, config))
    else:
        asyncio.run(serve_aiohttp(port) if name == "aiohttp" else serve_httptools(port))


def measure(name: str) -> str:
    """Run one candidate in a process of its own; return its line of the table."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.http_servers", name, str(port)]
    with subprocess.Popen(command) as process:
        client = http.client.HTTPConnection("127.0.0.1", port)
        started = time.monotonic()
        while True:
            try:
                _post(client, SMALL)
                break
            except OSError:
                client.close()
        start_s = time.monotonic() - started
        top = psutil.Process(process.pid)
        family = [top, *top.children(recursive=True)]
        figures = [_cost(client, family, PUT, PUTS), _cost(client, family, SMALL, CALLS)]
        mb = sum(one.memory_info().rss for one in family) / 1e6
        process.terminate()
    (put_cpu, put_wall), (call_cpu, call_wall) = figures
    return (
        f"{name:18} {put_cpu / 500:8.2f} {put_wall / 500:8.2f} {call_cpu:8.0f} {call_wall:8.0f} "
        f"{mb:6.0f} {start_s:6.2f}"
    )


def _cost(client: Any, family: list[psutil.Process], body: bytes, times: int) -> tuple[float, float]:
    def cpu() -> float:
        return sum(one.cpu_times().user + one.cpu_times().system for one in family)

    before, started = cpu(), time.perf_counter()
    for _ in range(times):
        _post(client, body)
    wall = time.perf_counter() - started
    return (cpu() - before) * 1e6 / times, wall * 1e6 / times


def _post(client: http.client.HTTPConnection, body: bytes) -> None:
    client.request("POST", "/", body, {"Content-Type": "application/x-amz-json-1.1"})
    client.getresponse().read()


def main() -> None:
    """Serve when told a candidate and a port; measure all of them otherwise."""
    if len(sys.argv) == 3:
        return serve(sys.argv[1], int(sys.argv[2]))
    loops = ["", "+uvloop"] if find_spec("uvloop") else [""]
    print("candidate        us/record   (wall)  us/call   (wall)     MB  start")
    for name, module in CANDIDATES.items():
        for loop in loops if find_spec(module) else []:
            print(measure(name + loop), flush=True)
    return None


if __name__ == "__main__":
    main()
