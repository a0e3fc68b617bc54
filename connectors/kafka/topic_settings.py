"""Every topic with its required settings, and the differences of an existing topic. Pure.

A difference is fatal if messages would be refused or numbers and state would be lost. All others are
warnings. `replica.fetch.max.bytes` and `fetch.max.bytes` do not matter: since Kafka 0.10.1 (KIP-74) a larger
message is still fetched. A topic without a value of its own shows the broker's, such as `message.max.bytes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOUR_MS = 3_600_000
BLOCKS_KEPT_MS = 24 * HOUR_MS
"""The inputs of all hops have the same retention, so that a stopped worker loses none before the others."""

SEGMENT_BYTES = 16 << 20
SEGMENT_SLOW_BYTES = 256 << 20
COMPACTION_LAG_SLOW_MS = HOUR_MS
REPLICAS = 3  # With two of them in sync, a broker may fail, and every commit is on two disks.
COUNTED = {"partitions", "replicas"}  # Differences that are no settings of a topic.

CHECKED = (
    "cleanup.policy",
    "max.message.bytes",
    "segment.bytes",
    "retention.ms",
    "retention.bytes",
    "min.compaction.lag.ms",
    "min.insync.replicas",
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name without the prefix, its clean-up policy and its retention."""

    name: str
    policy: str
    retention_ms: int | None = None

    @property
    def is_compacted(self) -> bool:
        """True if Kafka keeps the newest value of every key."""
        return "compact" in self.policy


TOPICS = (
    Topic("blocks", "delete", BLOCKS_KEPT_MS),
    Topic("positions", "compact"),
    Topic("partials", "delete", BLOCKS_KEPT_MS),
    Topic("sum-state", "compact"),
    Topic("merge-state", "compact"),
    Topic("detect-state", "compact"),
    Topic("archive-state", "compact"),
    Topic("aggregates", "delete", 48 * HOUR_MS),
    Topic("finals", "delete", BLOCKS_KEPT_MS),
    Topic("conversations", "delete", 48 * HOUR_MS),
    Topic("alerts", "compact,delete", 30 * 24 * HOUR_MS),
    Topic("dead", "delete", 7 * 24 * HOUR_MS),
    Topic("health", "delete", 7 * 24 * HOUR_MS),
    Topic("inventory", "compact"),
)


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as Kafka describes it. `settings` are those of `CHECKED` that the broker knows.

    `replicas` is the smallest number of replicas of a partition, and `brokers` the number in the cluster.
    """

    partitions: int
    replicas: int
    settings: Mapping[str, str]
    brokers: int = 1


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A setting of a topic that is not the required or recommended one. `why` ends with the remedy."""

    topic: str
    setting: str
    value: str
    why: str
    is_fatal: bool

    @property
    def sentence(self) -> str:
        """The difference as a sentence."""
        if self.setting in COUNTED:
            noun = self.setting.removesuffix("s") if self.value == "1" else self.setting
            return f"topic {self.topic} has {self.value} {noun}, {self.why}"
        return f"topic {self.topic} has {self.setting}={self.value}, {self.why}"


def required(topic: Topic, message_max_bytes: int) -> dict[str, str]:
    """Return the settings without which a topic cannot be used."""
    settings = {"cleanup.policy": topic.policy, "max.message.bytes": str(message_max_bytes)}
    if topic.retention_ms is not None:
        settings["retention.ms"] = str(topic.retention_ms)
    return settings


def recommended(topic: Topic) -> dict[str, str]:
    """Return settings that a broker may refuse; managed services have minimums for them."""
    if not topic.is_compacted:
        return {}
    # State is rewritten all the time: small segments, cleaned early, keep an opening slot fast.
    return {"segment.bytes": str(SEGMENT_BYTES), "min.cleanable.dirty.ratio": "0.1"}


def differences(
    topic: Topic, prefix: str, found: TopicDescription, slots: int, max_bytes: int
) -> list[SettingDifference]:
    """Compare a topic with its required and recommended settings. `max_bytes` is the largest message."""
    name = prefix + topic.name
    if found.partitions != slots:
        return [_partitions(name, found.partitions, slots)]
    judged = [
        _policy(topic, name, found.settings),
        *_sizes(name, found.settings, max_bytes),
        _replicas(name, found),
        *(_state(name, found.settings) if topic.is_compacted else ()),
        *(_retention(topic, name, found.settings) if topic.retention_ms is not None else ()),
    ]
    return [one for one in judged if one is not None]


def _partitions(name: str, count: int, slots: int) -> SettingDifference:
    why = f"not {slots}: set VPCFLOW_SLOTS={count}, or choose another VPCFLOW_PREFIX"
    return SettingDifference(name, "partitions", str(count), why, True)


def _policy(topic: Topic, name: str, settings: Mapping[str, str]) -> SettingDifference | None:
    policy = settings.get("cleanup.policy", topic.policy)
    if set(policy.split(",")) == set(topic.policy.split(",")):
        return None
    why = f"not {topic.policy}: change it with kafka-configs, or choose another VPCFLOW_PREFIX"
    return SettingDifference(name, "cleanup.policy", policy, why, True)


def _sizes(name: str, settings: Mapping[str, str], max_bytes: int) -> list[SettingDifference]:
    return [
        SettingDifference(
            name,
            setting,
            settings[setting],
            f"but messages of up to {max_bytes} bytes are written to it: set {setting}={wanted} with"
            f" kafka-configs --alter --topic {name} --add-config {setting}={wanted}",
            True,
        )
        for setting, wanted in (("max.message.bytes", max_bytes), ("segment.bytes", 2 * max_bytes))
        if int(settings.get(setting, max_bytes)) < max_bytes
    ]


def _replicas(name: str, found: TopicDescription) -> SettingDifference | None:
    if found.replicas == 1 and found.brokers > 1:
        wanted = min(REPLICAS, found.brokers)
        why = (
            f"so messages are lost with the disk of one of the {found.brokers} brokers: add replicas with"
            f" kafka-reassign-partitions, and set default.replication.factor={wanted} on the brokers"
        )
        return SettingDifference(name, "replicas", "1", why, False)
    needed = found.settings.get("min.insync.replicas", "1")
    if int(needed) <= found.replicas:
        return None
    why = (
        f"but {found.replicas} replicas, so Kafka refuses every message:"
        f" set min.insync.replicas={found.replicas} or add replicas"
    )
    return SettingDifference(name, "min.insync.replicas", needed, why, True)


def _state(name: str, settings: Mapping[str, str]) -> list[SettingDifference]:
    checks = (
        ("segment.bytes", SEGMENT_SLOW_BYTES, SEGMENT_BYTES),
        ("min.compaction.lag.ms", COMPACTION_LAG_SLOW_MS, 0),
    )
    return [
        SettingDifference(
            name,
            setting,
            settings[setting],
            f"so state is compacted late and slots open slowly: set {setting}={wanted} with kafka-configs",
            False,
        )
        for setting, limit, wanted in checks
        if int(settings.get(setting, 0)) > limit
    ]


def _retention(topic: Topic, name: str, settings: Mapping[str, str]) -> list[SettingDifference]:
    wanted = topic.retention_ms or 0
    found = []
    kept_ms = int(settings.get("retention.ms", wanted))
    if 0 <= kept_ms < wanted:
        why = (
            f"less than {wanted}: a stop of more than {_duration(kept_ms)} loses messages; set retention.ms="
            f"{wanted} with kafka-configs --alter --topic {name} --add-config retention.ms={wanted}"
        )
        found.append(SettingDifference(name, "retention.ms", str(kept_ms), why, False))
    if int(settings.get("retention.bytes", -1)) >= 0:
        why = "so messages are deleted before their time when there are many: set retention.bytes=-1"
        found.append(SettingDifference(name, "retention.bytes", settings["retention.bytes"], why, False))
    return found


def _duration(ms: int) -> str:
    return f"{ms / HOUR_MS:g} h" if ms >= HOUR_MS else f"{ms / 1000:g} s"
