"""`vpcflow kafka`: a local Kafka in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from streams.commands.local_extra import LocalCommand
from streams.commands.running import PORT, PORT_MAX, run

LISTENERS = ("plaintext", "ssl", "mtls", "sasl_ssl", "sasl_plaintext")
BROKERS_MAX = 9


@click.command(cls=LocalCommand)
@click.option(
    "--brokers",
    type=click.IntRange(1, BROKERS_MAX),
    default=1,
    show_default=True,
    help="Number of brokers. From 3, each topic has 3 replicas, and one broker may fail.",
)
@click.option(
    "--port",
    type=PORT,
    default=9092,
    show_default=True,
    help="Port of the first broker; the others use the following ports. 0: any free ports.",
)
@click.option(
    "--security",
    type=click.Choice(LISTENERS),
    default="plaintext",
    show_default=True,
    help="Listener for clients. mtls is ssl with a required client certificate.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps the data for the next start. Default: a temporary folder.",
)
def kafka(brokers: int, port: int, security: str, folder: Path | None) -> None:
    """Run a real Kafka on this machine until Ctrl-C.

    The first start downloads Kafka. Certificates, a user and its password are created as needed; the command
    prints the settings that use them.
    """
    from emulator.kafka import foreground
    from emulator.kafka.errors import KafkaFailed
    from emulator.kafka.security.listeners import SecuredListener

    if port + brokers - 1 > PORT_MAX:
        raise click.BadParameter(f"{brokers} brokers from port {port} end after port {PORT_MAX}.")
    listener = None if security == "plaintext" else SecuredListener(security)
    options = foreground.KafkaOptions(brokers, port, listener, folder)
    run(lambda: foreground.run(options, click.echo), (KafkaFailed,))
