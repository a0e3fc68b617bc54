"""The subcommand `vpcflow rejects`: the largest rejected conversations, and the reason of each."""

from __future__ import annotations

import json
import sys

import click

LIMIT = 20


@click.command()
@click.option("--flows", metavar="FILE", help="Flow-log text file.  Default: the topic `conversations`.")
@click.option("--from", "begin", default="1h", show_default=True, help="Start in the topic, as for `read`.")
@click.option("--explain", "explains", is_flag=True, help="Name the component that refuses each.")
@click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(min=1), help="Conversations.")
@click.option("--json", "as_json", is_flag=True, help="Output as JSON.")
def rejects(flows: str | None, begin: str, explains: bool, limit: int, as_json: bool) -> None:
    """List the largest rejected conversations of the last hour.

    With --explain, read the configuration as `vpcflow diagnose` does, and name the security group, network
    ACL or other component that refuses each conversation.
    """
    from streams.commands.reachability import rejecting

    found = rejecting.read(flows, begin, limit)
    if explains:
        rejecting.explain_all(found)
    click.echo(json.dumps([one.document() for one in found]) if as_json else rejecting.text(found))
    sys.exit(0)
