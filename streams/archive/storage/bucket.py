"""An archive in S3, or in a service with its API (`AWS_ENDPOINT_URL`).

A file is one PutObject to the staging folder. Its publication is one CopyObject, which readers see as a whole
or not at all, and a DeleteObject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from connectors.aws.calls import counted
from connectors.aws.errors import FAILURES, code_of, user_error
from connectors.metrics import S3_CALLS
from streams.archive.storage.interface import ArchiveError, StoredFile

_MISSING = {"NoSuchKey", "404", "NotFound"}


class Bucket:
    """The archive below `prefix` in a bucket. `client` is a boto3 client of S3."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def check(self) -> str:
        """List one object. Raises `ArchiveError` if the bucket is missing or refuses."""
        request = {"Bucket": self._bucket, "Prefix": self._prefix, "MaxKeys": 1}
        self._call("ListObjectsV2", "s3:ListBucket", self._client.list_objects_v2, **request)
        return f"s3://{self._bucket}/{self._prefix} at {self._client.meta.endpoint_url}"

    def stage(self, path: str, data: bytes) -> None:
        """Put a file."""
        request = {"Bucket": self._bucket, "Key": self._prefix + path, "Body": data}
        self._call("PutObject", "s3:PutObject", self._client.put_object, **request)

    def publish(self, staged: str, path: str) -> bool:
        """Copy a staged file to its path, and delete it."""
        key = self._prefix + path
        source = {"Bucket": self._bucket, "Key": self._prefix + staged}
        request = {"Bucket": self._bucket, "Key": key, "CopySource": source}
        if (
            self._found("CopyObject", "s3:GetObject and s3:PutObject", self._client.copy_object, **request)
            is None
        ):
            head = {"Bucket": self._bucket, "Key": key}
            return self._found("HeadObject", "s3:GetObject", self._client.head_object, **head) is not None
        self.delete(staged)
        return True

    def delete(self, path: str) -> None:
        """Delete a file."""
        request = {"Bucket": self._bucket, "Key": self._prefix + path}
        self._call("DeleteObject", "s3:DeleteObject", self._client.delete_object, **request)

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files below a folder, in the order of their names."""
        request = {"Bucket": self._bucket, "Prefix": f"{self._prefix}{folder.strip('/')}/"}
        while True:
            page = self._call("ListObjectsV2", "s3:ListBucket", self._client.list_objects_v2, **request)
            for found in page.get("Contents", ()):
                path = found["Key"].removeprefix(self._prefix)
                yield StoredFile(path, found["Size"], found["ETag"].strip('"'))
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def read(self, path: str) -> bytes | None:
        """Return the content of a file; None if it is missing."""

        def body(**request: Any) -> bytes:
            data: bytes = self._client.get_object(**request)["Body"].read()
            return data

        found: bytes | None = self._found(
            "GetObject", "s3:GetObject", body, Bucket=self._bucket, Key=self._prefix + path
        )
        return found

    def _found(self, operation: str, action: str, function: Callable[..., Any], **request: Any) -> Any:
        """Call, and return None if the object is missing."""
        try:
            return self._call(operation, action, function, **request)
        except ArchiveError as error:
            if code_of(error.__cause__) in _MISSING:
                return None
            raise

    def _call(self, operation: str, action: str, function: Callable[..., Any], **request: Any) -> Any:
        try:
            return counted(S3_CALLS, operation, function, **request)
        except (*FAILURES, OSError) as error:
            raise ArchiveError(self._sentence(error, action)) from error

    def _sentence(self, error: Exception, action: str) -> str:
        place = f"s3://{self._bucket}/{self._prefix}"
        if code_of(error) == "NoSuchBucket":
            return f"no bucket {self._bucket}: create it, or correct VPCFLOW_ARCHIVE={place}"
        if isinstance(error, ClientError) and code_of(error) in _MISSING:
            return f"an object of VPCFLOW_ARCHIVE={place} is missing ({action})"
        known = user_error(error, action, place, self._client.meta.endpoint_url)
        return str(known or f"S3 refuses {action} on {place}: {error}")
