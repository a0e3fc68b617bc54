"""The subcommand `vpcflow rejects`: the largest rejected conversations, and the reason of each."""

from __future__ import annotations

import json
import sys
from functools import partial

import click

LIMIT = 20


@click.command()
@click.option("--flows", metavar="FILE", help="Flow-log text file.  Default: the topic `conversations`.")
@click.option("--from", "begin", default="1h", show_default=True, help="Start in the topic, as for `read`.")
@click.option("--explain", "explains", is_flag=True, help="Name the component that refuses each.")
@click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(min=1), help="Conversations.")
@click.option("--json", "as_json", is_flag=True, help="Output as JSON.")
def rejects(flows: str | None, begin: str, explains: bool, limit: int, as_json: bool) -> None:
    """List the largest rejected conversations of the last hour, or of a flow-log file.

    With --explain, read the configuration as `vpcflow diagnose` does, and name the security group, network
    ACL or other component that refuses each conversation.
    """
    from connectors.vpc.diagnosis.flow_file import BadFlows, records
    from connectors.vpc.diagnosis.rejections import Rejection, explain, of_windows, rejections
    from streams.commands.account import fail, read_account, report_denied
    from streams.commands.diagnosis import diagnosed, flow_text

    try:
        if flows:
            found = rejections(records(flow_text(flows)), limit)
        else:
            from streams.commands.rejected_rows import rejected_rows

            found = of_windows(rejected_rows(begin), limit)
    except BadFlows as error:
        fail(str(error))
    if explains and found:
        inventory = read_account()
        report_denied(inventory.unread)
        enis = inventory.estate.enis
        for one in found:
            explain(
                one,
                lambda eni_id: enis[eni_id].addresses if eni_id in enis else (),
                partial(diagnosed, inventory),
            )

    def line(one: Rejection) -> str:
        at, port = one.conversation, f" port {one.conversation.port}" if one.conversation.port else ""
        way = " (response)" if at.is_response else ""
        size = f"{one.packets} packets in {one.records} records"
        why = f"\n    {f'{one.code} at {one.component}: ' if one.code else ''}{one.sentence}"
        shown = f"{at.source} → {at.destination}, {at.protocol}{port}{way}: {size}"
        return shown + (why if one.sentence else "")

    click.echo(json.dumps([one.document() for one in found]) if as_json else "\n".join(map(line, found)))
    sys.exit(0)
