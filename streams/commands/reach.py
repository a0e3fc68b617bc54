"""The subcommand `vpcflow reach`: check expected connections, or suggest them from flow logs."""

from __future__ import annotations

import click

from streams.commands.local_extra import LocalCommand


@click.command(cls=LocalCommand)
@click.argument("file")
@click.option("--watch", metavar="SECONDS", type=click.FloatRange(min=1), help="Pause between evaluations.")
@click.option("--flows", metavar="FLOWS", help="Flow-log text file for `vpcflow reach suggest`.")
@click.option("--json", "as_json", is_flag=True, help="Output as JSON.")
def reach(file: str, watch: float | None, flows: str | None, as_json: bool) -> None:
    """Check that the connections in FILE work or fail as expected.

    FILE is a YAML or JSON list; an entry has `from`, `to`, `port`, `protocol` (tcp, udp or icmp; default
    tcp) and `expect` (allow or deny; default allow):

    \b
      - {from: web, to: orders-db, port: 5432, expect: allow}
      - {from: internet, to: orders-db, port: 5432, expect: deny}

    `vpcflow reach suggest --flows FLOWS` writes such a list from the accepted conversations of a flow-log
    file. With --watch, the configuration is read again after each pause, and each changed result is logged
    as `reachability_changed` with the configuration change. Exit status: 0 all as expected, 1 not, 2 a bad
    FILE.
    """
    from streams.commands.reachability import reaching

    if file == "suggest":
        reaching.suggest(flows)
    reaching.run(file, as_json=as_json, pause_s=watch)
