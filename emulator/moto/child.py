"""The process of moto's server, as `backend.py` starts it: `python -m emulator.moto.child`.

It binds a free port on loopback, writes the number to standard output, and serves until its standard input
ends. That input is a pipe from the emulator, so that the kernel ends it however the emulator ends, SIGKILL
included, on every system. (`PR_SET_PDEATHSIG`, as Kafka has it, needs Linux and a thread that lives on.)
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from importlib import import_module
from typing import Any

from emulator.moto import patches

ACCOUNT = "000000000000"  # LocalStack's, and that of the emulator's own Kinesis; moto's own is 123456789012


def main() -> None:
    """Serve until the parent is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The emulator turns bucket names in hosts into paths, so moto need not guess which host has one.
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would put all accounts into one
    _name_the_default_account()
    patches.mend()
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
    """Set the account of keys that moto did not issue, before the modules that copy the name are loaded."""
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
