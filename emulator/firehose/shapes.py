"""The fields of each call, as data for `kinesis.shapes.validation.check`. Limits: botocore (2015-08-04).

The fields of unsupported sources and destinations are listed without members: they are recognized and
refused, but not validated.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.kinesis.shapes import Member

RECORD_MAX_BYTES = 1_024_000
BATCH_MAX_RECORDS = 500
TAGS_MAX = 50

NOT_SUPPORTED = (
    "DatabaseSourceConfiguration",
    "MSKSourceConfiguration",
    "RedshiftDestination",
    "ElasticsearchDestination",
    "AmazonopensearchserviceDestination",
    "AmazonOpenSearchServerlessDestination",
    "SplunkDestination",
    "SnowflakeDestination",
    "IcebergDestination",
)
"""The unsupported sources and destinations; the latter without the suffix `Configuration` or `Update`."""


def _text(field: str, least: int, most: int, pattern: str = "", *, required: bool = False) -> Member:
    return Member(field, "String", required, pattern=pattern, least=least, most=most)


def _arn(field: str, service: str, rest: str, *, most: int = 512, required: bool = False) -> Member:
    return _text(field, 1, most, rf"arn:.*:{service}:{rest}", required=required)


def _one_of(field: str, *values: str, required: bool = False) -> Member:
    return Member(field, "String", required, one_of=values)


def _flag(field: str, *, required: bool = False) -> Member:
    return Member(field, "Boolean", required)


def _number(field: str, least: int, most: int) -> Member:
    return Member(field, "Integer", least=least, most=most)


def _struct(field: str, *members: Member, required: bool = False) -> Member:
    return Member(field, "Structure", required, members=members)


def _optional(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Return the members of an update. None of them is required."""
    return tuple(replace(member, required=False) for member in members)


_ROLE = r":\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+"
_KEY = r"[a-zA-Z0-9\-]+:\d{12}:%s/[a-zA-Z_0-9+=,.@\-_/]+"
_NOT_BLANK = r"^(?!\s*$).+"
_NAME = _text("DeliveryStreamName", 1, 64, "[a-zA-Z0-9_.-]+", required=True)
_TYPE = _one_of("DeliveryStreamType", "DirectPut", "KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource")
_ROLE_ARN = _arn("RoleARN", "iam", _ROLE, required=True)

_ENCRYPTION = _struct(
    "DeliveryStreamEncryptionConfigurationInput",
    _arn("KeyARN", "kms", _KEY % "key"),
    _one_of("KeyType", "AWS_OWNED_CMK", "CUSTOMER_MANAGED_CMK", required=True),
)
_LOGGING = _struct(
    "CloudWatchLoggingOptions",
    _flag("Enabled"),
    _text("LogGroupName", 0, 512, r"[\.\-_/#A-Za-z0-9]*"),
    _text("LogStreamName", 0, 512, "[^:*]*"),
)
_PARAMETER_NAMES = (
    "LambdaArn",
    "NumberOfRetries",
    "MetadataExtractionQuery",
    "JsonParsingEngine",
    "RoleArn",
    "BufferSizeInMBs",
    "BufferIntervalInSeconds",
    "SubRecordType",
    "Delimiter",
    "CompressionFormat",
    "DataMessageExtraction",
)
_PROCESSORS = (
    "RecordDeAggregation",
    "Decompression",
    "CloudWatchLogProcessing",
    "Lambda",
    "MetadataExtraction",
    "AppendDelimiterToRecord",
)
_PARAMETER = _struct(
    "member",
    _one_of("ParameterName", *_PARAMETER_NAMES, required=True),
    _text("ParameterValue", 1, 5120, _NOT_BLANK, required=True),
)
_PROCESSOR = _struct(
    "member",
    _one_of("Type", *_PROCESSORS, required=True),
    Member("Parameters", "List", members=(_PARAMETER,)),
)
_PROCESSING = _struct(
    "ProcessingConfiguration", _flag("Enabled"), Member("Processors", "List", members=(_PROCESSOR,))
)

_S3 = (
    _ROLE_ARN,
    _arn("BucketARN", "s3", r"::[\w\.\-]{1,255}", most=2048, required=True),
    _text("Prefix", 0, 1024, ".*"),
    _text("ErrorOutputPrefix", 0, 1024, ".*"),
    _struct("BufferingHints", _number("SizeInMBs", 1, 128), _number("IntervalInSeconds", 0, 900)),
    _one_of("CompressionFormat", "UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"),
    _struct(
        "EncryptionConfiguration",
        _one_of("NoEncryptionConfig", "NoEncryption"),
        _struct(
            "KMSEncryptionConfig",
            _arn("AWSKMSKeyARN", "kms", _KEY % "(key|alias)", required=True),
        ),
    ),
    _LOGGING,
)


def _extended(members: tuple[Member, ...], backup: Member) -> tuple[Member, ...]:
    return (
        *members,
        _PROCESSING,
        _one_of("S3BackupMode", "Disabled", "Enabled"),
        backup,
        _struct("DataFormatConversionConfiguration", _flag("Enabled")),
        _struct("DynamicPartitioningConfiguration", _flag("Enabled")),
        _text("FileExtension", 0, 128, r"^$|\.[0-9a-z!\-_.*'()]+"),
        _text("CustomTimeZone", 0, 50, "^$|[a-zA-Z/_]+"),
    )


_ATTRIBUTE = _struct(
    "member",
    _text("AttributeName", 1, 256, _NOT_BLANK, required=True),
    _text("AttributeValue", 0, 1024, ".*", required=True),
)


def _http(s3: Member, *, required: bool) -> tuple[Member, ...]:
    return (
        _struct(
            "EndpointConfiguration",
            # AWS requires `https://`; a receiver on this machine rarely has a certificate.
            _text("Url", 1, 1000, "https?://.*", required=True),
            _text("Name", 1, 256, _NOT_BLANK),
            _text("AccessKey", 0, 4096, ".*"),
            required=required,
        ),
        _struct("BufferingHints", _number("SizeInMBs", 1, 64), _number("IntervalInSeconds", 0, 900)),
        _LOGGING,
        _struct(
            "RequestConfiguration",
            _one_of("ContentEncoding", "NONE", "GZIP"),
            Member("CommonAttributes", "List", least=0, most=50, members=(_ATTRIBUTE,)),
        ),
        _PROCESSING,
        replace(_ROLE_ARN, required=False),
        _struct("RetryOptions", _number("DurationInSeconds", 0, 7200)),
        _one_of("S3BackupMode", "FailedDataOnly", "AllData"),
        s3,
        _struct("SecretsManagerConfiguration", _flag("Enabled", required=True)),
    )


# The patterns of tags are checked by `tags.py`: Python's `re` does not read `\p{L}`.
_TAG = _struct("member", _text("Key", 1, 128, required=True), _text("Value", 0, 256))
_TAGS = Member("Tags", "List", least=1, most=TAGS_MAX, members=(_TAG,), shown_as="Tag")
_DATA = Member("Data", "Blob", required=True, least=0, most=RECORD_MAX_BYTES)

SHAPES: dict[str, tuple[Member, ...]] = {
    "CreateDeliveryStream": (
        _NAME,
        _TYPE,
        _struct("DirectPutSourceConfiguration", _number("ThroughputHintInMBs", 1, 100)),
        _struct(
            "KinesisStreamSourceConfiguration",
            _arn(
                "KinesisStreamARN", "kinesis", r"[a-zA-Z0-9\-]+:\d{12}:stream/[a-zA-Z0-9_.-]+", required=True
            ),
            _ROLE_ARN,
        ),
        _ENCRYPTION,
        _struct("S3DestinationConfiguration", *_S3),
        _struct(
            "ExtendedS3DestinationConfiguration", *_extended(_S3, _struct("S3BackupConfiguration", *_S3))
        ),
        _struct(
            "HttpEndpointDestinationConfiguration",
            *_http(_struct("S3Configuration", *_S3, required=True), required=True),
        ),
        _TAGS,
    ),
    "DeleteDeliveryStream": (_NAME, _flag("AllowForceDelete")),
    "DescribeDeliveryStream": (
        _NAME,
        _number("Limit", 1, 10_000),
        _text("ExclusiveStartDestinationId", 1, 100, "[a-zA-Z0-9-]+"),
    ),
    "ListDeliveryStreams": (
        _number("Limit", 1, 10_000),
        _TYPE,
        _text("ExclusiveStartDeliveryStreamName", 1, 64, "[a-zA-Z0-9_.-]+"),
    ),
    "ListTagsForDeliveryStream": (
        _NAME,
        _text("ExclusiveStartTagKey", 1, 128),
        _number("Limit", 1, TAGS_MAX),
    ),
    "PutRecord": (_NAME, _struct("Record", _DATA, required=True)),
    "PutRecordBatch": (
        _NAME,
        Member(
            "Records",
            "List",
            required=True,
            least=1,
            most=BATCH_MAX_RECORDS,
            members=(_struct("member", _DATA, required=True),),
            shown_as="Record",
        ),
    ),
    "StartDeliveryStreamEncryption": (_NAME, _ENCRYPTION),
    "StopDeliveryStreamEncryption": (_NAME,),
    "TagDeliveryStream": (_NAME, replace(_TAGS, required=True)),
    "UntagDeliveryStream": (
        _NAME,
        Member(
            "TagKeys",
            "List",
            required=True,
            least=1,
            most=TAGS_MAX,
            members=(_text("member", 1, 128),),
            shown_as="TagKey",
        ),
    ),
    "UpdateDestination": (
        _NAME,
        _text("CurrentDeliveryStreamVersionId", 1, 50, "[0-9]+", required=True),
        _text("DestinationId", 1, 100, "[a-zA-Z0-9-]+", required=True),
        _struct("S3DestinationUpdate", *_optional(_S3)),
        _struct(
            "ExtendedS3DestinationUpdate",
            *_extended(_optional(_S3), _struct("S3BackupUpdate", *_optional(_S3))),
        ),
        _struct(
            "HttpEndpointDestinationUpdate",
            *_http(_struct("S3Update", *_optional(_S3)), required=False),
        ),
    ),
}
