"""ListTagsForResource. Sentences that nobody has published are ours."""

from __future__ import annotations

from tests.emulator.kinesis.operations.api import Api


def test_all_tags_come_at_once(kinesis: Api) -> None:
    name = kinesis.stream()
    assert kinesis.call("ListTagsForResource", ResourceARN=kinesis.arn(name)) == {"Tags": []}
    kinesis.call("TagResource", ResourceARN=kinesis.arn(name), Tags={f"k{at:02}": "" for at in range(50)})
    tags = kinesis.call("ListTagsForResource", ResourceARN=kinesis.arn(name))["Tags"]
    assert [tag["Key"] for tag in tags] == [f"k{at:02}" for at in range(50)]
