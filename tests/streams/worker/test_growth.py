"""Lines of windows before and after a growth, through `sum` and `merge`: each window is in one partition."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from connectors.settings import Work
from streams.layout import LAYOUT_KEY, Layout
from streams.numbering import Input, Output
from streams.topics.growth.moves import partition_of
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from tests.build import block, line
from tests.streams.worker.kept import KeptSlot
from tests.streams.worker.test_pipeline_machine import done

OLD, NEW = 2, 4
T0 = 1_700_000_040
UNTIL = T0 + 300
SETTINGS = Work.model_validate({"slots": NEW, "prefix": "", "lateness_s": 60, "retention_s": 300})
ENIS = [f"eni-{n:017x}" for n in range(12)]

flows = st.lists(
    st.tuples(st.sampled_from(ENIS), st.integers(0, 9), st.integers(1, 3)), min_size=1, max_size=40
)


@given(flows)
def test_windows_before_a_growth_are_summed_where_they_were(found: list[tuple[str, int, int]]) -> None:
    hop = SumHop(SETTINGS, 0)
    hop.slot = slot = KeptSlot({LAYOUT_KEY: Layout().after(UNTIL, OLD).encode()})
    done(hop.open(0.0))
    texts = [line(interface_id=eni, start=T0 + 60 * minute, dstport=port) for eni, minute, port in found]
    headers = {"format": b"default", "arrival_ms": b"%d" % (1000 * (T0 + 1300))}
    message = Output().message("blocks", 0, block(*texts), len(texts), **headers)
    hop.offer(Input(0, dict(message.headers), message.value or b""), 0.0)
    done(hop.flush(0.0))
    flows: Counter[tuple[int, str, int]] = Counter()
    for q in range(NEW):
        sent = [one for one in slot.messages("partials") if one.partition == q]
        flows += _merged(q, sent)
    expected = Counter(
        (partition_of(eni, OLD if minute < 5 else NEW), eni, T0 + 60 * minute) for eni, minute, _ in found
    )
    assert flows == expected


def _merged(q: int, sent: list[Any]) -> Counter[tuple[int, str, int]]:
    """Return the flows of each interface and window that a partition of `merge` publishes."""
    merge = MergeHop(SETTINGS, q)
    merge.slot = slot = KeptSlot({}, q)
    done(merge.open(0.0))
    for offset, message in enumerate(sent):
        merge.offer(Input(offset, dict(message.headers), message.value or b""), 0.0)
    done(merge.flush(20.0))
    rows = [orjson.loads(one.value or b"") for one in slot.messages("aggregates")]
    return Counter({(q, row["eni"], row["window_start"]): row["flows"] for row in rows})
