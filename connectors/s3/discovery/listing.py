"""The discovery of objects by listing: accounts, Regions, and all keys of a Region since the look-back.

Keys sort by day in every layout, so one listing of a Region's folder with `StartAfter` finds all new and all
delayed objects. A listing costs one call for each Region and each thousand objects: with hundreds of accounts
or many thousands of objects a day, a queue is cheaper.

Keys that are not flow-log files are counted: all of them in the folders that are listed, and up to a thousand
in each folder beside these (`Listing.survey`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from botocore.exceptions import ClientError

from connectors.aws.calls import Caller
from connectors.aws.errors import user_error
from connectors.s3.discovery.exports import Exports
from connectors.s3.discovery.ignored import IgnoredObjects
from connectors.s3.keys import (
    Object,
    as_object,
    folder,
    is_account_folder,
    is_write_test,
    service_folders,
    start_after,
)

SURVEYED_FOLDERS = 50


class Listing:
    """The listing of one bucket's flow-log files and exported files."""

    def __init__(
        self, client: Any, caller: Caller, bucket: str, prefix: str, exports: Exports | None = None
    ) -> None:
        self._client, self._caller = client, caller
        self._bucket, self._prefix, self._exports = bucket, prefix, exports
        self._others, self._example = 0, ""

    @property
    def others(self) -> IgnoredObjects:
        """Return the ignored objects in the folders of the last listing."""
        return IgnoredObjects(self._others, self._example)

    async def objects(self, from_s: int) -> AsyncIterator[Object]:
        """Yield every flow-log file of the days from `from_s` on, and every exported one.

        Raises `ConnectError` for an operator's error, and botocore's errors.
        """
        self._others, self._example = 0, ""
        for service in service_folders(self._prefix, await self._folders(f"{folder(self._prefix)}AWSLogs/")):
            for region in await self._folders(service):
                async for page in self._pages(Prefix=region, StartAfter=start_after(region, from_s)):
                    for one in page.get("Contents") or ():
                        found = as_object(self._bucket, one["Key"], one["ETag"])
                        if found is not None:
                            yield found
                        else:
                            self._pass_by(one["Key"])

        async for found in self._exported():
            yield found

    async def _exported(self) -> AsyncIterator[Object]:
        if self._exports is None:
            return
        async for page in self._pages(Prefix=self._exports.folder):
            for one in page.get("Contents") or ():
                modified_s = int(one["LastModified"].timestamp())
                found = self._exports.object(self._bucket, one["Key"], one["ETag"], modified_s)
                if found is not None:
                    yield found
                else:
                    self._pass_by(one["Key"])

    def _pass_by(self, key: str) -> None:
        if self._is_other(key):
            self._others, self._example = self._others + 1, self._example or f"{self._bucket}/{key}"

    def _is_other(self, key: str) -> bool:
        """Return whether an ignored key counts: it is neither a folder nor a write test of AWS."""
        exports_folder = self._exports.folder if self._exports else ""
        return not key.endswith("/") and not is_write_test(key, self._prefix, exports_folder)

    async def survey(self) -> IgnoredObjects:
        """Count the objects in folders that are not listed.

        The count is of the first page (up to a thousand objects) of `SURVEYED_FOLDERS` folders, because only
        the existence matters. Raises as `objects` does.
        """
        count, example = 0, ""
        beside: list[str] = []
        for level in await self._levels():
            page = await anext(self._pages(Prefix=level, Delimiter="/"))
            found = [one["Key"] for one in page.get("Contents") or () if self._is_other(one["Key"])]
            beside += [one["Prefix"] for one in page.get("CommonPrefixes") or ()]
            count, example = count + len(found), example or next(iter(found), "")
        for prefix in [one for one in beside if not self._is_read(one)][:SURVEYED_FOLDERS]:
            page = await anext(self._pages(Prefix=prefix))
            found = [one["Key"] for one in page.get("Contents") or () if self._is_other(one["Key"])]
            count, example = count + len(found), example or next(iter(found), "")
        return IgnoredObjects(count, example and f"{self._bucket}/{example}")

    async def _levels(self) -> list[str]:
        """Return the folders whose children are listed: the root's, `AWSLogs/`, and the accounts'."""
        root, logs = folder(self._prefix), f"{folder(self._prefix)}AWSLogs/"
        accounts = [one for one in await self._folders(logs) if is_account_folder(one, self._prefix)]
        return [root, logs, *accounts[:SURVEYED_FOLDERS]]

    def _is_read(self, prefix: str) -> bool:
        logs = f"{folder(self._prefix)}AWSLogs/"
        is_export = self._exports is not None and self._exports.folder.startswith(prefix)
        is_service = prefix in service_folders(self._prefix, [f"{prefix.rstrip('/').rpartition('/')[0]}/"])
        return prefix == logs or is_export or is_service or is_account_folder(prefix, self._prefix)

    async def _folders(self, prefix: str) -> list[str]:
        pages = [page async for page in self._pages(Prefix=prefix, Delimiter="/")]
        return [one["Prefix"] for page in pages for one in page.get("CommonPrefixes") or ()]

    async def _pages(self, **request: Any) -> AsyncIterator[dict[str, Any]]:
        while True:
            try:
                page = await self._caller.call(
                    "ListObjectsV2", self._client.list_objects_v2, Bucket=self._bucket, **request
                )
            except ClientError as error:
                problem = user_error(error, "s3:ListBucket", f"arn:aws:s3:::{self._bucket}")
                raise problem or error from error
            yield page
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]
