"""The process of moto's server, started by `backend.py`: `python -m emulator.moto.child`.

It binds a free port on loopback, writes its number to standard output, and serves until its standard input
ends. The input is a pipe from the emulator, so that the kernel closes it when the emulator ends, also by
SIGKILL. (`PR_SET_PDEATHSIG`, used for Kafka, needs Linux and a permanent thread.)
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from importlib import import_module
from typing import Any

from emulator.moto import patches

ACCOUNT = "000000000000"  # The default of LocalStack and of the emulator's Kinesis; moto's is 123456789012.


def main() -> None:
    """Serve until the parent process has ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The emulator moves bucket names from hosts to paths, so moto must not look for them in hosts.
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # It would merge all accounts into one.
    _name_the_default_account()
    patches.apply()
    server = _server()
    os.environ["MOTO_PORT"] = str(server.port)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _end_with_parent() -> None:
    os.read(0, 1)  # The parent never writes.
    os._exit(0)


def _name_the_default_account() -> None:
    """Set moto's default account before the modules that copy the constant are loaded."""
    import_module("moto.core")
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and hasattr(module, "DEFAULT_ACCOUNT_ID"):
            module.DEFAULT_ACCOUNT_ID = ACCOUNT  # type: ignore[attr-defined]


def _server() -> Any:
    werkzeug_app = import_module("moto.moto_server.werkzeug_app")
    return import_module("werkzeug.serving").make_server(
        "127.0.0.1",
        0,
        werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app),
        threaded=True,
        request_handler=werkzeug_app.MotoRequestHandler,
    )


if __name__ == "__main__":
    main()
