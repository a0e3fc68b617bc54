"""`vpcflow emulate`: the local AWS emulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streams.commands.local_extra import LocalCommand
from streams.commands.running import PORT, run, set_up_logs

HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")


@click.command(cls=LocalCommand)
@HOST
@click.option(
    "--port",
    type=PORT,
    default=4566,
    show_default=True,
    help="TCP port to listen on; localstack-client expects 4566.",
)
@click.option(
    "--memory-mb",
    type=click.IntRange(1, 1 << 20),
    default=1024,
    show_default=True,
    help="Maximum size of retained records, MiB; the oldest are deleted first.",
)
@click.option(
    "--retention-hours",
    type=click.IntRange(1, 8760),  # Kinesis's own maximum
    default=24,
    show_default=True,
    help="Retention of records, hours.",
)
@click.option("--tls", is_flag=True, help="Accept TLS on the same port, with a self-signed certificate.")
@click.option(
    "--tls-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder to keep the certificate in."
)
@click.option(
    "--limits",
    default="off",
    show_default=True,
    type=click.Choice(["aws", "off"]),
    help="Throttling: as AWS, or off.",
)
@click.option(
    "--faults",
    type=click.Path(path_type=Path),
    help="File of fault rules, TOML or JSON (docs/faults.md).",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder to keep streams in; every acknowledged call survives a SIGKILL. Default: memory.",
)
def emulate(**options: Any) -> None:
    """Run the local AWS emulator on one port.

    Set AWS_ENDPOINT_URL to its address. With --tls, set AWS_CA_BUNDLE to the certificate file that it logs.
    """
    from emulator import server
    from emulator.kinesis.persistence.folder import FolderError
    from emulator.log import log

    if options["data_dir"] is None:
        log.set_up_by(set_up_logs)
    else:
        set_up_logs()  # The emulator logs at once what it reads from the folder.
    parts = _emulator_parts(options)
    size = {
        "memory_cap_bytes": options["memory_mb"] << 20,
        "retention_s": options["retention_hours"] * 3600,
    }
    run(
        lambda: server.run(options["host"], options["port"], **size, parts=parts),
        (server.PortInUse, FolderError, OSError),
    )


def _emulator_parts(options: Mapping[str, Any]) -> Any:
    """Return the optional parts of the server for the options of `emulate`."""
    from emulator import server
    from emulator.kinesis import limits
    from emulator.runtime_options import StartOptions

    faults = None
    if options["faults"] is not None:
        from emulator.faults.documents import BadFaults, read_file

        try:
            faults = read_file(options["faults"])
        except BadFaults as error:
            raise click.ClickException(str(error)) from error
    has_tls = options["tls"] or options["tls_dir"] is not None
    return server.Parts(
        tls=server.Tls(options["tls_dir"]) if has_tls else None,
        options=StartOptions(limits.apply(options["limits"]), faults, options["data_dir"]),
    )
