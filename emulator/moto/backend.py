"""The proxy to moto, which serves every AWS service except Kinesis and Firehose in a child process.

The first request for moto starts it, which takes one to two seconds. Requests that arrive during the start
wait for it. The child ends with `stop`, or whenever this process ends (`child`). moto keeps its state in
memory: if it crashes, the state is lost, the log reports the crash, and the next request starts a new child.

Limits. moto is a library of the extra `local`; without it every request is answered 501. A CloudFormation
stack that names a Kinesis or Firehose stream, or a flow log, creates it inside moto, where no other service
can see it. A request and its answer are held whole in memory.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections import deque

import aiohttp
import structlog
from yarl import URL

from emulator.http.messages import Incoming, Outgoing
from emulator.moto.health import is_moto_installed
from emulator.moto.requests import PLAYED_HERE, CredentialScope, caller, forwarded, refusal, returned

START_S = 60.0
STOP_S = 5.0
_TAIL_LINES = 12
_CHILD = "emulator.moto.child"
_NOT_SET = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # by aiohttp, unless the client did

log = structlog.get_logger("emulator")


class MotoUnavailable(Exception):
    """moto is not available; the message is one sentence for the caller."""


class MotoBackend:
    """The moto server as one service. Call `stop` at the end; a start is not needed."""

    def __init__(self) -> None:
        self._moto: _MotoProcess | None = None
        self._starting: asyncio.Task[_MotoProcess] | None = None
        self._is_stopped = False

    @property
    def is_running(self) -> bool:
        """Return whether moto is running."""
        return self._moto is not None and self._moto.is_running

    @property
    def pid(self) -> int:
        """Return the process id of moto, or 0 if it is not running."""
        return self._moto.pid if self._moto is not None and self._moto.is_running else 0

    async def answer(self, request: Incoming) -> Outgoing:
        """Answer a request for any service that this emulator does not implement. Never raises."""
        who = caller(request)
        if who.service in PLAYED_HERE:
            sentence = f"This emulator has its own {who.service}, and it has no such operation or path."
            return refusal(request, who, 400, "UnknownOperationException", sentence)
        try:
            moto = await self._running()
        except MotoUnavailable as failed:
            return refusal(request, who, 501, "NotImplemented", str(failed))
        try:
            return await moto.ask(request, who)
        except ValueError as error:  # An invalid target or header; the base class of InvalidURL.
            return refusal(request, who, 400, "InvalidRequest", f"The request cannot be forwarded: {error}")
        except (aiohttp.ClientError, OSError) as error:
            log.warning("moto did not answer", service=who.service, reason=repr(error))
            sentence = f"moto closed the connection before its response ({type(error).__name__})."
            return refusal(request, who, 500, "InternalFailure", sentence)

    async def stop(self) -> None:
        """Stop moto, and cancel a start that is in progress."""
        self._is_stopped = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._moto is not None:
            await self._moto.stop()
            self._moto = None

    async def _running(self) -> _MotoProcess:
        """Return the running moto. Start it if needed; concurrent callers wait for the same start."""
        if self._moto is not None and self._moto.is_running:
            return self._moto
        if self._is_stopped:
            raise MotoUnavailable("This emulator is stopping.")
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        # If one of the waiting requests is cancelled, the start continues.
        await asyncio.wait([starting := self._starting])
        if starting.cancelled():
            raise MotoUnavailable("This emulator is stopping.")
        return starting.result()

    def _started(self, _: asyncio.Task[_MotoProcess]) -> None:
        self._starting = None

    async def _start(self) -> _MotoProcess:
        if self._moto is not None:
            log.error("moto ended unexpectedly, its state is lost", output=self._moto.tail())
            await self._moto.stop()
            self._moto = None
        if not is_moto_installed():
            raise MotoUnavailable(
                "This emulator has its own Kinesis and Firehose and uses moto for all other services. moto "
                "is not installed: install vpc-flow-streams[local]."
            )
        self._moto = await _MotoProcess.started()
        return self._moto


class _MotoProcess:
    """A moto child process and the HTTP client for it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: deque[str] = deque(maxlen=_TAIL_LINES)
        self._listening = asyncio.create_task(self._listen())
        self._base = ""
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    async def started(cls) -> _MotoProcess:
        """Start the process and wait until it listens. Raises `MotoUnavailable`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        pipe = asyncio.subprocess.PIPE
        moto = cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", _CHILD), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        )
        try:
            await moto._await_port()
        except BaseException:  # Also on cancellation: the process must not be left running.
            await moto.stop()
            raise
        log.info("moto started", pid=moto.pid, start_s=round(loop.time() - began, 2))
        return moto

    @property
    def pid(self) -> int:
        """The process id of moto."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Return whether the process is alive."""
        return self._process.returncode is None

    def _last(self) -> str:
        """Return the last line of the process's standard error: of a traceback, the error."""
        return self._said[-1] if self._said else ""

    def tail(self) -> str:
        """Return the end of the process's standard error."""
        return "\n".join(self._said)

    async def ask(self, request: Incoming, who: CredentialScope) -> Outgoing:
        """Forward a request. Raises aiohttp's errors and OSError."""
        target, headers = forwarded(request, who)
        if self._session is None:
            raise ConnectionError("the process was stopped")
        async with self._session.request(
            request.method,
            URL(self._base + target, encoded=True),
            headers=headers,
            # aiohttp sends a file in parts, so that other tasks run in between.
            data=io.BytesIO(request.body) if request.body else None,
            allow_redirects=False,
            skip_auto_headers=_NOT_SET,
        ) as response:
            body = await response.read()
            if response.status >= 500:
                log.warning("moto failed", service=who.service, status=response.status, output=self._last())
            return Outgoing(response.status, returned(response.headers, request.method), body)

    async def stop(self) -> None:
        """Close the process's standard input, and send SIGKILL if the process does not end."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            log.warning("moto does not end and is killed", pid=self.pid)
        finally:  # Also on cancellation.
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            await asyncio.wait([self._listening])

    async def _await_port(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            line = await asyncio.wait_for(stdout.readline(), START_S)
        except TimeoutError:
            raise MotoUnavailable(f"moto does not listen after {START_S:.0f} s.") from None
        if not line:
            await asyncio.wait([self._listening])
            last = self._said[-1] if self._said else "without output"
            raise MotoUnavailable(f"moto ended during its start: {last}")
        self._base = f"http://127.0.0.1:{int(line)}"
        self._session = aiohttp.ClientSession(
            # moto closes every connection after one answer.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=START_S),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def _listen(self) -> None:
        """Keep the end of the process's output for an error report; return when the process ends."""
        stderr = self._process.stderr
        assert stderr is not None
        while chunk := await stderr.read(1 << 16):
            self._said.extend(line for line in chunk.decode(errors="replace").splitlines() if line.strip())
