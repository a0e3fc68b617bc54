"""The calls of Firehose, as boto3 sees them answered."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.firehose.streams import BUFFERED_MAX_BYTES
from emulator.http.messages import Incoming
from tests.emulator.firehose.playing import ROLE, Playing, playing, s3_config

pytestmark = pytest.mark.socket

ARN = "arn:aws:firehose:us-east-1:000000000000:deliverystream/"
HTTP: dict[str, Any] = {
    "EndpointConfiguration": {"Url": "https://receiver.test/in", "Name": "r", "AccessKey": "secret"},
    "S3Configuration": s3_config(),
}


async def create(p: Playing, name: str = "f", **more: object) -> None:
    destination = more or {"ExtendedS3DestinationConfiguration": s3_config()}
    await p("create_delivery_stream", DeliveryStreamName=name, **destination)


async def test_a_stream_is_made_described_listed_and_deleted() -> None:
    async with playing(transition_ms=1000) as p:
        made = await p(
            "create_delivery_stream",
            DeliveryStreamName="f",
            ExtendedS3DestinationConfiguration=s3_config(Prefix="p/"),
            Tags=[{"Key": "k", "Value": "v"}],
        )
        assert made["DeliveryStreamARN"] == ARN + "f"
        assert (await p.describe())["DeliveryStreamStatus"] == "CREATING"
        record = {"DeliveryStreamName": "f", "Record": {"Data": b"x"}}
        assert (await p.refusal("put_record", **record))[0] == "ResourceNotFoundException"
        code, _ = await p.refusal("delete_delivery_stream", DeliveryStreamName="f")
        assert code == "ResourceInUseException"
        p.clock.now_ms += 1000
        shown = await p.describe()
        assert shown["DeliveryStreamStatus"] == "ACTIVE"
        assert shown["DeliveryStreamType"] == "DirectPut"
        assert shown["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}
        assert (shown["VersionId"], shown["HasMoreDestinations"]) == ("1", False)
        (destination,) = shown["Destinations"]
        assert destination["DestinationId"] == "destinationId-000000000001"
        expected = s3_config(Prefix="p/") | {
            "CompressionFormat": "UNCOMPRESSED",
            "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
            "CloudWatchLoggingOptions": {"Enabled": False},
        }
        assert destination["S3DestinationDescription"] == expected
        assert destination["ExtendedS3DestinationDescription"] == {**expected, "S3BackupMode": "Disabled"}
        await p("delete_delivery_stream", DeliveryStreamName="f")
        assert (await p.describe())["DeliveryStreamStatus"] == "DELETING"
        p.clock.now_ms += 1000
        assert await p.refusal("describe_delivery_stream", DeliveryStreamName="f") == (
            "ResourceNotFoundException",
            "Firehose f under account 000000000000 not found.",
        )
        await create(p)


async def test_listing_pages_by_name_and_filters_by_type() -> None:
    async with playing() as p:
        for number in range(12):
            await create(p, f"s{number:02}")
        first = await p("list_delivery_streams")
        assert first["DeliveryStreamNames"] == [f"s{number:02}" for number in range(10)]
        assert first["HasMoreDeliveryStreams"]
        rest = await p("list_delivery_streams", ExclusiveStartDeliveryStreamName="s09", Limit=5)
        assert (rest["DeliveryStreamNames"], rest["HasMoreDeliveryStreams"]) == (["s10", "s11"], False)
        none = await p("list_delivery_streams", DeliveryStreamType="KinesisStreamAsSource")
        assert none["DeliveryStreamNames"] == []


async def test_puts_answer_an_id_for_each_record() -> None:
    async with playing() as p:
        await create(p)
        one = await p("put_record", DeliveryStreamName="f", Record={"Data": b"x"})
        assert (len(one["RecordId"]), one["Encrypted"]) == (224, False)
        many = await p("put_record_batch", DeliveryStreamName="f", Records=[{"Data": b""}] * 500)
        assert many["FailedPutCount"] == 0
        assert len({each["RecordId"] for each in many["RequestResponses"]}) == 500


REFUSED_PUTS: list[tuple[str, dict[str, object], str, str]] = [
    ("put_record", {"Record": {"Data": bytes(1_024_001)}}, "ValidationException", "at 'record.data' failed"),
    ("put_record_batch", {"Records": []}, "ValidationException", "greater than or equal to 1"),
    (
        "put_record_batch",
        {"Records": [{"Data": b""}] * 501},
        "ValidationException",
        "less than or equal to 500",
    ),
    (
        "put_record_batch",
        {"Records": [{"Data": bytes(1_000_000)}] * 5},
        "InvalidArgumentException",
        "Records size exceeds 4 MB limit",
    ),
    ("put_record", {}, "ValidationException", "Value null at 'record' failed to satisfy constraint"),
]


@pytest.mark.parametrize(("operation", "request_", "code", "sentence"), REFUSED_PUTS)
async def test_puts_beyond_the_limits_are_refused(
    operation: str, request_: dict[str, object], code: str, sentence: str
) -> None:
    async with playing() as p:
        await create(p)
        refused = await p.refusal(operation, DeliveryStreamName="f", **request_)
        assert refused[0] == code
        assert sentence in refused[1]


async def test_a_stream_whose_buffers_are_full_says_slow_down() -> None:
    async with playing() as p:
        await create(p)
        (stream,) = p.firehose._streams.all()
        stream.buffer.bytes += BUFFERED_MAX_BYTES
        refused = await p.refusal("put_record", DeliveryStreamName="f", Record={"Data": b"x"})
        assert refused == ("ServiceUnavailableException", "Slow down.")


REFUSED_STREAMS: list[tuple[dict[str, object], str, str]] = [
    ({}, "InvalidArgumentException", "Exactly one destination configuration is supported for a Firehose"),
    (
        {
            "S3DestinationConfiguration": s3_config(),
            "HttpEndpointDestinationConfiguration": HTTP,
        },
        "InvalidArgumentException",
        "Exactly one destination",
    ),
    (
        {"SplunkDestinationConfiguration": {}},
        "InvalidArgumentException",
        "SplunkDestinationConfiguration is not",
    ),
    (
        {"S3DestinationConfiguration": s3_config(BucketARN="lake")},
        "ValidationException",
        "Value 'lake' at 's3DestinationConfiguration.bucketARN' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: arn:.*:s3:::[\w\.\-]{1,255}",
    ),
    (
        {"S3DestinationConfiguration": s3_config(CompressionFormat="Snappy")},
        "InvalidArgumentException",
        "CompressionFormat Snappy is not supported",
    ),
    (
        {"ExtendedS3DestinationConfiguration": s3_config(CustomTimeZone="Mars/Base")},
        "InvalidArgumentException",
        "CustomTimeZone",
    ),
    (
        {
            "ExtendedS3DestinationConfiguration": s3_config(
                ProcessingConfiguration={"Enabled": True, "Processors": [{"Type": "Lambda"}]}
            )
        },
        "InvalidArgumentException",
        "The processor Lambda is not supported",
    ),
    (
        {"DeliveryStreamType": "KinesisStreamAsSource", "S3DestinationConfiguration": s3_config()},
        "InvalidArgumentException",
        "KinesisStreamSourceConfiguration",
    ),
    (
        {
            "KinesisStreamSourceConfiguration": {
                "KinesisStreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
                "RoleARN": ROLE,
            },
            "S3DestinationConfiguration": s3_config(),
        },
        "InvalidArgumentException",
        "KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type",
    ),
    (
        {"S3DestinationConfiguration": s3_config(), "Tags": [{"Key": "aws:k", "Value": "!"}]},
        "ValidationException",
        "2 validation errors detected: Value 'aws:k' at 'tags.1.member.key' failed",
    ),
]


@pytest.mark.parametrize(("request_", "code", "sentence"), REFUSED_STREAMS)
async def test_a_stream_that_cannot_be_played_is_refused(
    request_: dict[str, object], code: str, sentence: str
) -> None:
    async with playing() as p:
        refused = await p.refusal("create_delivery_stream", DeliveryStreamName="f", **request_)
        assert refused[0] == code
        assert sentence in refused[1]
        assert (await p("list_delivery_streams"))["DeliveryStreamNames"] == []


async def test_a_name_is_taken_once_in_each_account_and_region() -> None:
    async with playing() as p:
        await create(p)
        assert await p.refusal(
            "create_delivery_stream", DeliveryStreamName="f", S3DestinationConfiguration=s3_config()
        ) == ("ResourceInUseException", "Firehose f under accountId 000000000000 already exists")


async def test_an_update_merges_counts_and_checks_the_version() -> None:
    async with playing() as p:
        await create(p, HttpEndpointDestinationConfiguration=HTTP)
        shown = (await p.describe())["Destinations"][0]["HttpEndpointDestinationDescription"]
        assert shown["EndpointConfiguration"] == {"Url": "https://receiver.test/in", "Name": "r"}
        assert shown["RetryOptions"] == {"DurationInSeconds": 300}
        assert shown["S3BackupMode"] == "FailedDataOnly"
        update = {
            "DeliveryStreamName": "f",
            "CurrentDeliveryStreamVersionId": "1",
            "DestinationId": "destinationId-000000000001",
            "HttpEndpointDestinationUpdate": {
                "RetryOptions": {"DurationInSeconds": 1},
                "S3Update": {"ErrorOutputPrefix": "bad/"},
            },
        }
        await p("update_destination", **update)
        changed = await p.describe()
        assert changed["VersionId"] == "2"
        assert "LastUpdateTimestamp" in changed
        after = changed["Destinations"][0]["HttpEndpointDestinationDescription"]
        s3 = {**shown["S3DestinationDescription"], "ErrorOutputPrefix": "bad/"}
        assert after == {**shown, "RetryOptions": {"DurationInSeconds": 1}, "S3DestinationDescription": s3}
        assert await p.refusal("update_destination", **update) == (
            "ConcurrentModificationException",
            "Cannot update firehose: f since the current version id: 2 and specified version id: 1 do not "
            "match",
        )
        assert await p.refusal("update_destination", **{**update, "DeliveryStreamName": "g"}) == (
            "ResourceNotFoundException",
            "Firehose g under accountId 000000000000 not found.",
        )
        update["CurrentDeliveryStreamVersionId"] = "2"
        assert await p.refusal("update_destination", **{**update, "DestinationId": "d"}) == (
            "InvalidArgumentException",
            "Destination Id d not found",
        )
        del update["HttpEndpointDestinationUpdate"]
        code, sentence = await p.refusal("update_destination", **update, S3DestinationUpdate={"Prefix": "p"})
        assert code == "InvalidArgumentException"
        assert "Changing the destination type to or from HttpEndpoint" in sentence


async def test_tags_are_added_listed_and_removed() -> None:
    async with playing() as p:
        await create(p)
        tags = [{"Key": f"{number}_k", "Value": f"{number}_v"} for number in range(50)]
        await p("tag_delivery_stream", DeliveryStreamName="f", Tags=tags)
        page = await p("list_tags_for_delivery_stream", DeliveryStreamName="f", Limit=1)
        assert (page["Tags"], page["HasMoreTags"]) == (tags[:1], True)
        rest = await p("list_tags_for_delivery_stream", DeliveryStreamName="f", ExclusiveStartTagKey="30_k")
        assert (rest["Tags"], rest["HasMoreTags"]) == (tags[31:], False)
        too_many = await p.refusal("tag_delivery_stream", DeliveryStreamName="f", Tags=[{"Key": "k"}])
        assert too_many[0] == "LimitExceededException"
        keys = [tag["Key"] for tag in tags]
        await p("untag_delivery_stream", DeliveryStreamName="f", TagKeys=keys)
        assert (await p("list_tags_for_delivery_stream", DeliveryStreamName="f"))["Tags"] == []


async def test_encryption_takes_a_moment_and_is_told_by_puts() -> None:
    async with playing(transition_ms=1000) as p:
        await create(p)
        p.clock.now_ms += 1000
        await p(
            "start_delivery_stream_encryption",
            DeliveryStreamName="f",
            DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"},
        )
        shown = (await p.describe())["DeliveryStreamEncryptionConfiguration"]
        assert shown == {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLING"}
        p.clock.now_ms += 1000
        assert (await p("put_record", DeliveryStreamName="f", Record={"Data": b"x"}))["Encrypted"]
        await p("stop_delivery_stream_encryption", DeliveryStreamName="f")
        assert (await p.describe())["DeliveryStreamEncryptionConfiguration"]["Status"] == "DISABLING"
        p.clock.now_ms += 1000
        assert (await p.describe())["DeliveryStreamEncryptionConfiguration"]["Status"] == "DISABLED"


async def test_what_is_no_call_is_refused_and_never_a_fault() -> None:
    async with playing() as p:
        for target, body, code in [
            ("NoSuchThing", b"{}", b"UnknownOperationException"),
            ("PutRecord", b"", b"SerializationException"),
            ("PutRecord", b"{", b"SerializationException"),
            ("PutRecord", b"[]", b"SerializationException"),
            ("PutRecord", b'{"DeliveryStreamName": 1}', b"SerializationException"),
            ("PutRecord", b'{"Record": {"Data": "%"}}', b"SerializationException"),
        ]:
            headers = {"x-amz-target": f"Firehose_20150804.{target}"}
            outgoing = await p.firehose.answer(Incoming("POST", "/", headers, body))
            assert (outgoing.status, code in outgoing.body) == (400, True), (target, body)  # type: ignore[operator]
