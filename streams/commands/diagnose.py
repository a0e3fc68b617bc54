"""The subcommand `vpcflow diagnose`: why a source can or cannot reach a destination."""

from __future__ import annotations

import click

from connectors.vpc.diagnosis.account.permissions import ACTIONS, NAME_ACTIONS

_EPILOG = (
    f"IAM actions: {', '.join(sorted(ACTIONS))}. For names of caches, functions and tasks also:"
    f" {', '.join(sorted(NAME_ACTIONS))}. docs/diagnose.md describes the result without one of them."
)


@click.command(epilog=_EPILOG)
@click.argument("source")
@click.argument("destination")
@click.option("--port", metavar="N", help="Destination port.  Default: the destination's own, else 443.")
@click.option("--protocol", default="tcp", show_default=True, help="Protocol: tcp, udp or icmp.")
@click.option("--flows", metavar="FILE", help="Flow-log text file, also gzip; a header names the fields.")
@click.option("--at", metavar="TIME", help="Moment of the configuration, from the topic `inventory`.")
@click.option("--watch", is_flag=True, help="Repeat after each change until the destination is reachable.")
@click.option("--json", "as_json", is_flag=True, help="Output as one JSON object.")
def diagnose(source: str, destination: str, *, watch: bool, as_json: bool, **given: str | None) -> None:
    """Explain why SOURCE can or cannot reach DESTINATION.

    Each is the id of an instance, interface, subnet, NAT gateway or VPC endpoint; an address; `internet`;
    the name of a load balancer, RDS instance, cache, function or task; the value of a tag `Name`; or
    `key=value` for another tag. The command opens no connection to either: it reads EC2, ELBv2 and RDS at
    AWS_ENDPOINT_URL (AWS if unset), follows the request and its response as AWS does, and lists every
    component that must change, each with the AWS CLI command that changes it.

    \b
      vpcflow diagnose web-1 orders-db
      vpcflow diagnose internet my-load-balancer --port 443 --flows flow-logs.txt
      vpcflow diagnose subnet-0a1b2c3d internet --watch

    Exit status: 0 reachable, 1 not reachable, 2 undetermined.
    """
    from streams.commands.reachability import diagnosis

    flows = given["flows"]
    asked = diagnosis.question(source, destination, port=given["port"], protocol=str(given["protocol"]))
    if watch and given["at"]:
        raise click.UsageError("--watch repeats with the configuration of now: leave out --at.")
    if watch:
        diagnosis.watch(asked, flows=flows, as_json=as_json)
    diagnosis.show(diagnosis.run(asked, flows=flows, at=given["at"]), as_json=as_json)
