"""`vpcflow topics`: the topics of a prefix, the schemas of their messages, and more partitions for all."""

from __future__ import annotations

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.group()
def topics() -> None:
    """List the topics, print their schemas, add partitions."""


@topics.command("list")
@KAFKA
def list_topics(kafka: str | None) -> None:
    """List the topics: partitions, clean-up policy, retention, messages.

    The number of messages includes the markers of transactions. Settings that differ from the expected ones
    follow the table, each with the command that changes it. The command changes nothing.
    """
    from connectors.kafka.topics import TopicError
    from connectors.settings import Common
    from streams.topics import listing

    settings = settings_of(Common, kafka=kafka)

    async def start() -> None:
        click.echo(await listing.table(settings), nl=False)

    run_with_settings(start, (TopicError,))


@topics.command()
@click.argument("topic", required=False)
def schema(topic: str | None) -> None:
    """Print the schemas of the messages of TOPIC as JSON.

    TOPIC is a name without the prefix, such as aggregates. Default: every topic. A value in JSON has a JSON
    Schema (draft 2020-12), and a value in Arrow has its columns. No Kafka is needed.
    """
    import orjson

    from streams.schemas.files import INDEX, read_schema, topic_schema

    names = list(read_schema(INDEX))
    if topic is not None and topic not in names:
        raise click.ClickException(f"there is no topic {topic!r}: use one of {', '.join(names)}")
    found = topic_schema(topic) if topic else {name: topic_schema(name) for name in names}
    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@topics.command()
@KAFKA
@click.option(
    "--slots", type=click.IntRange(1, 256), required=True, help="New number of partitions, a multiple."
)
def grow(kafka: str | None, slots: int) -> None:
    """Add partitions to every topic, without losing or doubling a line.

    Stop every process of this VPCFLOW_PREFIX first; the command refuses while one runs. It fences their
    transactional ids, adds the partitions, and moves the state in one transaction. Then set VPCFLOW_SLOTS to
    the new number for every process, and start them. Lines in Kafka need not be processed before. If the
    command is interrupted, no process starts until it has run again. The number can only grow, to a multiple
    of the present one.
    """
    from connectors.kafka.topics import TopicError
    from connectors.settings import Common
    from streams.topics.growth.grow import Grow

    settings = settings_of(Common, kafka=kafka)
    run_with_settings(lambda: Grow(settings, slots, click.echo).run(), (TopicError,))
