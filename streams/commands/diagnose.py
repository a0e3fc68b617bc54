"""The subcommand `vpcflow diagnose`: why a source can or cannot reach a destination."""

from __future__ import annotations

import click

from connectors.vpc.diagnosis.account.permissions import ACTIONS, NAME_ACTIONS

_EPILOG = (
    f"IAM actions: {', '.join(sorted(ACTIONS))}. For names of caches, functions and tasks also:"
    f" {', '.join(sorted(NAME_ACTIONS))}."
)


@click.command(epilog=_EPILOG)
@click.argument("source")
@click.argument("destination")
@click.option("--port", metavar="N", help="Destination port.  Default: the destination's own, else 443.")
@click.option("--protocol", default="tcp", show_default=True, help="Protocol: tcp, udp or icmp.")
@click.option("--flows", metavar="FILE", help="Flow-log text file; its first line names the fields.")
@click.option("--json", "as_json", is_flag=True, help="Output as one JSON object.")
def diagnose(
    source: str, destination: str, port: str | None, protocol: str, flows: str | None, as_json: bool
) -> None:
    """Explain why SOURCE can or cannot reach DESTINATION.

    Each is the id of an instance, interface or subnet, an address, `internet`, the name of a load balancer,
    or the id of an RDS instance. Reads EC2, ELBv2 and RDS at AWS_ENDPOINT_URL. Exit status: 0 reachable,
    1 not reachable, 2 undetermined.
    """
    from streams.commands import diagnosis

    found = diagnosis.run(source, destination, port=port, protocol=protocol, flows=flows)
    diagnosis.show(found, as_json=as_json)
