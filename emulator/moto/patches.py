"""What is mended of moto's server in the process that we start: two slow places, and one check of times.

For every request it lists its own folder twice to learn which services it has; and it finds the tags of one
resource by searching those of all, so that 2,000 interfaces cost 2,000 times 2,000. With both mended, these
are read in 3 s and not in 15 (moto 5.2). Nothing that it answers is changed by these.

Log events older than 14 days, or later than 2 hours from now, are refused by `flowlogs.subscriptions.service`
and no more by moto, because a synthetic world has its own clock.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any


def mend() -> None:
    """Mend moto; it must be installed, and nothing of it be in use yet."""
    backends: Any = import_module("moto.backends")
    names = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: names
    logs: Any = import_module("moto.logs.models")
    logs.timedelta = lambda **_: timedelta(days=36_500)  # it is used for that check only
    import_module("moto.ec2.models.core").TaggedEC2Resource.get_tags = _get_tags


def _get_tags(resource: Any) -> list[dict[str, str]]:
    """Return a resource's tags as `TaggedEC2Resource.get_tags` does."""
    utils = import_module("moto.ec2.utils")
    if not resource.id:
        return []
    kind = utils.EC2_PREFIX_TO_RESOURCE.get(utils.get_prefix(resource.id), "")
    return [
        {"resource_id": resource.id, "key": key, "value": value, "resource_type": kind}
        for key, value in resource.ec2_backend.tags.get(resource.id, {}).items()
    ]
