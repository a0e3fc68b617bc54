"""The API calls: one function for each, and the table of their names. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from emulator.firehose import errors, source
from emulator.firehose.call import Call
from emulator.firehose.destinations import destinations
from emulator.firehose.puts import put_record, put_record_batch
from emulator.firehose.streams import DeliveryStream, Encryption, Source
from emulator.firehose.tags import (
    checked,
    list_tags_for_delivery_stream,
    tag_delivery_stream,
    untag_delivery_stream,
)
from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol.wire import Request

Operation = Callable[[Call], Request]

_LIST_LIMIT = 10  # ListDeliveryStreams: "The default value is 10"


def create_delivery_stream(call: Call) -> Request:
    """Create a delivery stream. Its first state is CREATING."""
    kind, config = destinations.wanted(call.request, "Configuration")
    encryption = cast("Request", call.request.get("DeliveryStreamEncryptionConfigurationInput", {}))
    made_from = _source(call)
    if encryption and made_from is not None:
        raise _not_encrypted_here()
    stream = DeliveryStream(
        scope=call.scope,
        name=call.text("DeliveryStreamName"),
        destination=destinations.create(kind, config),
        created_ms=call.now_ms,
        transition_ms=call.kinesis.limits.transition_ms,
        source=made_from,
        encryption=_encryption(encryption, call.now_ms) if encryption else Encryption(),
        tags=checked(cast("list[Request]", call.request.get("Tags", []))),
    )
    call.streams.add(stream, call.now_ms)
    return {"DeliveryStreamARN": stream.arn}


def describe_delivery_stream(call: Call) -> Request:
    """Describe a delivery stream with its one destination."""
    return {"DeliveryStreamDescription": call.stream().describe(call.now_ms)}


def list_delivery_streams(call: Call) -> Request:
    """List names in alphabetical order, optionally after a name and of one type."""
    kind, after = call.text("DeliveryStreamType"), call.text("ExclusiveStartDeliveryStreamName")
    limit = call.number("Limit", _LIST_LIMIT)
    names = [
        stream.name
        for stream in call.streams.of(call.scope, call.now_ms)
        if stream.name > after and kind in {"", stream.type}
    ]
    return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}


def delete_delivery_stream(call: Call) -> Request:
    """Start to delete a delivery stream. Its buffered records are lost, as in AWS."""
    stream = call.stream()
    status = stream.status(call.now_ms)
    if status == "CREATING":
        raise errors.not_active(stream.name, call.scope.account, status)
    if status == "ACTIVE":
        stream.deleted_ms = call.now_ms
    return {}


def update_destination(call: Call) -> Request:
    """Replace fields of the destination. The version id in the request must be the current one."""
    if not call.streams.has(call.scope, name := call.text("DeliveryStreamName"), call.now_ms):
        raise errors.nothing_to_update(name, call.scope.account)
    stream = _active(call)
    kind, changes = destinations.wanted(call.request, "Update")
    if (specified := call.text("CurrentDeliveryStreamVersionId")) != str(stream.version):
        raise errors.other_version(stream.name, str(stream.version), specified)
    if (wanted := call.text("DestinationId")) != destinations.DESTINATION_ID:
        raise errors.invalid_argument(f"Destination Id {wanted} not found")
    stream.destination = destinations.update(stream.destination, kind, changes)
    stream.version += 1
    stream.updated_ms = call.now_ms
    return {}


def start_delivery_stream_encryption(call: Call) -> Request:
    """Enable encryption at rest. Only the described state changes: records are not encrypted."""
    stream = _active(call)
    if stream.source is not None:
        raise _not_encrypted_here()
    wanted = cast("Request", call.request.get("DeliveryStreamEncryptionConfigurationInput", {}))
    stream.encryption = _encryption(wanted or {"KeyType": "AWS_OWNED_CMK"}, call.now_ms)
    return {}


def stop_delivery_stream_encryption(call: Call) -> Request:
    """Disable encryption at rest."""
    stream = _active(call)
    if stream.source is not None:
        raise _not_encrypted_here()
    stream.encryption = Encryption(stream.encryption.config, is_wanted=False, since_ms=call.now_ms)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateDeliveryStream": create_delivery_stream,
    "DeleteDeliveryStream": delete_delivery_stream,
    "DescribeDeliveryStream": describe_delivery_stream,
    "ListDeliveryStreams": list_delivery_streams,
    "ListTagsForDeliveryStream": list_tags_for_delivery_stream,
    "PutRecord": put_record,
    "PutRecordBatch": put_record_batch,
    "StartDeliveryStreamEncryption": start_delivery_stream_encryption,
    "StopDeliveryStreamEncryption": stop_delivery_stream_encryption,
    "TagDeliveryStream": tag_delivery_stream,
    "UntagDeliveryStream": untag_delivery_stream,
    "UpdateDestination": update_destination,
}


def _source(call: Call) -> Source | None:
    config = cast("dict[str, str]", call.request.get("KinesisStreamSourceConfiguration", {}))
    kind = call.text("DeliveryStreamType") or "DirectPut"
    if kind == "DirectPut":
        if config:
            raise errors.invalid_argument(
                "KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type"
            )
        return None
    if kind != "KinesisStreamAsSource":
        raise errors.not_supported(f"DeliveryStreamType {kind}")
    if not config:
        # AWS's message for this error is not published.
        raise errors.invalid_argument("KinesisStreamAsSource needs a KinesisStreamSourceConfiguration.")
    return source.at_the_tip(call.kinesis, config["KinesisStreamARN"], config["RoleARN"], call.now_ms)


def _active(call: Call) -> DeliveryStream:
    stream = call.stream()
    status = stream.status(call.now_ms)
    if status != "ACTIVE":
        raise errors.not_active(stream.name, call.scope.account, status)
    return stream


def _encryption(config: Request, now_ms: int) -> Encryption:
    if config["KeyType"] == "CUSTOMER_MANAGED_CMK" and "KeyARN" not in config:
        raise errors.invalid_argument("KeyARN must be provided when KeyType is CUSTOMER_MANAGED_CMK.")
    if config["KeyType"] == "AWS_OWNED_CMK" and "KeyARN" in config:
        raise errors.invalid_argument("KeyARN must not be provided when KeyType is AWS_OWNED_CMK.")
    return Encryption(config, is_wanted=True, since_ms=now_ms)


def _not_encrypted_here() -> Refused:
    """Return the error for encryption of a stream with a Kinesis source. The message is our own."""
    return errors.invalid_argument("Encryption is not applicable to the KinesisStreamAsSource stream type.")
