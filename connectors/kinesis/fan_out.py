"""Enhanced fan-out: a registered consumer, to which each shard pushes 2 MB per second of its own.

Registration costs money and needs permissions, so a flag enables it. Without the permissions, the connector
logs a warning and polls. The consumer stays registered when the process stops: other instances with the same
prefix use it, and AWS allows five registration calls a second. `vpcflow connect kinesis --help` explains how
to remove it.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from botocore.exceptions import ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential

from connectors.aws.errors import DENIED, code_of

log = structlog.get_logger()

ACTIVE_S = 20.0
ASK_S = 0.5
REFUSED = DENIED | {"LimitExceededException"}  # 20 consumers per stream, 5 being created (Kinesis quotas)


def register(client: Any, stream_arn: str, name: str) -> str:
    """Return the ARN of the consumer of a stream, registered if needed; empty if AWS refuses it.

    Blocking. Raises botocore's other errors, and `TimeoutError` if the consumer does not become ACTIVE.
    """
    try:
        _register(client, stream_arn, name)
        return _when_active(client, stream_arn, name)
    except ClientError as error:
        if code_of(error) not in REFUSED:
            raise
        log.warning("fan-out refused, polling instead", stream=stream_arn, error=str(error))
        return ""


@retry(
    # AWS answers too many consumers and too many calls alike; only the latter is transient.
    retry=retry_if_exception(lambda error: code_of(error) == "LimitExceededException"),
    stop=stop_after_attempt(4),
    wait=wait_exponential(multiplier=ASK_S),
    reraise=True,
)
def _register(client: Any, stream_arn: str, name: str) -> None:
    try:
        client.register_stream_consumer(StreamARN=stream_arn, ConsumerName=name)
    except ClientError as error:
        if code_of(error) != "ResourceInUseException":  # It is registered already.
            raise


def _when_active(client: Any, stream_arn: str, name: str) -> str:
    deadline = time.monotonic() + ACTIVE_S
    while time.monotonic() < deadline:
        found = client.describe_stream_consumer(StreamARN=stream_arn, ConsumerName=name)
        consumer = found["ConsumerDescription"]
        if consumer["ConsumerStatus"] == "ACTIVE":
            return str(consumer["ConsumerARN"])
        time.sleep(ASK_S)
    raise TimeoutError(
        f"the consumer {name} of {stream_arn} is not ACTIVE after {ACTIVE_S:.0f} s: check it with"
        " aws kinesis describe-stream-consumer"
    )
