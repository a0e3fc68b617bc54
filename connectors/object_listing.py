"""Find objects by listing: accounts, Regions, and from each Region's day of the look-back on, all its keys.

Days sort as keys do, so `StartAfter` makes one listing of a Region's folder find today's, yesterday's and
what came late, whatever the layout. That is one call for each Region and one more for each thousand objects,
every time: with hundreds of accounts or many thousands of objects a day, a queue is cheaper.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from botocore.exceptions import ClientError

from connectors.exports import Exports
from connectors.objects import Object, as_object, folder, service_folders, start_after
from connectors.s3_calls import as_sentence, call


class Listing:
    """One bucket's flow-log files, and those of its exports."""

    def __init__(self, client: Any, bucket: str, prefix: str, exports: Exports | None = None) -> None:
        self._client, self._bucket, self._prefix, self._exports = client, bucket, prefix, exports

    async def objects(self, from_s: int) -> AsyncIterator[Object]:
        """Yield every flow-log file of the days from `from_s` on, and every exported one.

        Raises `ConnectError` when a person has to do something, and botocore's errors.
        """
        for service in service_folders(self._prefix, await self._folders(f"{folder(self._prefix)}AWSLogs/")):
            for region in await self._folders(service):
                async for page in self._pages(Prefix=region, StartAfter=start_after(region, from_s)):
                    for one in page.get("Contents") or ():
                        found = as_object(self._bucket, one["Key"], one["ETag"])
                        if found is not None:
                            yield found

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

    async def _folders(self, prefix: str) -> list[str]:
        pages = [page async for page in self._pages(Prefix=prefix, Delimiter="/")]
        return [one["Prefix"] for page in pages for one in page.get("CommonPrefixes") or ()]

    async def _pages(self, **request: str) -> AsyncIterator[dict[str, Any]]:
        while True:
            try:
                page = await call(
                    "ListObjectsV2", self._client.list_objects_v2, Bucket=self._bucket, **request
                )
            except ClientError as error:
                sentence = as_sentence(error, "s3:ListBucket", f"arn:aws:s3:::{self._bucket}")
                raise sentence or error from error
            yield page
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]
