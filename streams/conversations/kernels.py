"""The compiled loops over rows of conversations: adding rows to a table, grouping and choosing them.

A row is `WORDS` 64-bit words. Its key is the word `KEY`, which has the group and the numbers of a
conversation, and the eight words of its addresses. A group is one interface in one window. The index of a
table is an open-addressing hash table of row numbers plus one; 0 is free.
"""

from __future__ import annotations

from numba import uint64

from streams.compiled import kernel

WORDS = 15
KEY, SOURCE, DESTINATION, PKT_SOURCE = 0, 1, 3, 5  # an address is two words; the fourth begins at 7
FLOWS, PACKETS, BYTES, FIRST, LAST, MARKS = range(9, WORDS)
# MARKS: bits 0-15 are the TCP flags, and bits 16 and up the number of the bound of the row.
BOUND_AT = 16
FLAGS = (1 << BOUND_AT) - 1

# KEY: bits 0-1 direction, 2-4 action, 5-7 port rule, 8-16 protocol, 17-33 service port + 1, 34 and up group.
ACTION_AT, RULE_AT, PROTOCOL_AT, PORT_AT, GROUP_AT = 2, 5, 8, 17, 34
DIRECTION_MASK, ACTION_MASK, RULE_MASK, PROTOCOL_MASK, PORT_MASK = 3, 7, 7, 511, (1 << 17) - 1

GROUP_WORDS = 12
ENTITY, ROWS, IS_CHANGED, CANDIDATES, CANDIDATE_1, BOUNDS = 0, 1, 2, 3, 4, 8
# CANDIDATES: -1 before the first address, else the number of addresses that all rows so far have in common;
# they are the pairs of words from CANDIDATE_1 on. BOUNDS: the number of the bound by action class.
ACTION_CLASSES = 3  # ACCEPT, REJECT, and the action `-`
REJECT = 1

_MIX, _SHIFT = uint64(0x9E3779B97F4A7C15), uint64(29)


@kernel
def action_class(action):  # type: ignore[no-untyped-def]
    """Return the number of an action among those of traffic."""
    return min(action, 2)


@kernel
def _hash(row):  # type: ignore[no-untyped-def]
    value = uint64(0)
    for word in range(FLOWS):
        value = (value ^ uint64(row[word])) * _MIX
        value ^= value >> _SHIFT
    return value


@kernel
def assign_groups(codes, group_of, next_group, found):  # type: ignore[no-untyped-def]
    """Write the group of each entity code to `found`; return the next free group.

    `group_of` is -1 for a new code.
    """
    for i in range(len(codes)):
        code = codes[i]
        if group_of[code] < 0:
            group_of[code] = next_group
            next_group += 1
        found[i] = group_of[code]
    return next_group


@kernel
def add(batch, rows, used, index, groups):  # type: ignore[no-untyped-def]
    """Add the rows of `batch` to a table of `used` rows; return the new number of rows.

    `rows` must have room for the whole batch, and `index` must have twice as many places. A new row gets the
    current bound of its group and action, unless it has a bound of its own.
    """
    mask = uint64(len(index) - 1)
    for i in range(len(batch)):
        new = batch[i]
        group = groups[new[KEY] >> GROUP_AT]
        group[IS_CHANGED] = 1
        at = _hash(new) & mask
        while index[at] and not _is_same(rows[index[at] - 1], new):
            at = (at + uint64(1)) & mask
        if not index[at]:
            for word in range(WORDS):
                rows[used, word] = new[word]
            if new[MARKS] >> BOUND_AT == 0:
                action = new[KEY] >> ACTION_AT & ACTION_MASK
                rows[used, MARKS] |= group[BOUNDS + action_class(action)] << BOUND_AT
            used += 1
            index[at] = used
            group[ROWS] += 1
            _narrow(group, new)
            continue
        row = rows[index[at] - 1]
        row[FLOWS] += new[FLOWS]
        row[PACKETS] += new[PACKETS]
        row[BYTES] += new[BYTES]
        row[FIRST] = min(row[FIRST], new[FIRST])
        row[LAST] = max(row[LAST], new[LAST])
        row[MARKS] |= new[MARKS] & FLAGS
    return used


@kernel
def _is_same(row, other):  # type: ignore[no-untyped-def]
    for word in range(FLOWS):  # noqa: SIM110
        if row[word] != other[word]:
            return False
    return True


@kernel
def _narrow(group, row):  # type: ignore[no-untyped-def]
    """Keep the candidates of a group that are an address of this row; the first row sets them."""
    if group[CANDIDATES] < 0:
        count = 0
        for at in (SOURCE, DESTINATION):
            is_absent = row[at] == 0 and row[at + 1] == 0
            is_first = count and group[CANDIDATE_1] == row[at] and group[CANDIDATE_1 + 1] == row[at + 1]
            if not (is_absent or is_first):
                group[CANDIDATE_1 + 2 * count] = row[at]
                group[CANDIDATE_1 + 2 * count + 1] = row[at + 1]
                count += 1
        group[CANDIDATES] = count if count else -1
        return
    if row[SOURCE] == 0 and row[SOURCE + 1] == 0 and row[DESTINATION] == 0 and row[DESTINATION + 1] == 0:
        return
    kept = 0
    for n in range(group[CANDIDATES]):
        hi, lo = group[CANDIDATE_1 + 2 * n], group[CANDIDATE_1 + 2 * n + 1]
        is_source = row[SOURCE] == hi and row[SOURCE + 1] == lo
        if is_source or (row[DESTINATION] == hi and row[DESTINATION + 1] == lo):
            group[CANDIDATE_1 + 2 * kept] = hi
            group[CANDIDATE_1 + 2 * kept + 1] = lo
            kept += 1
    group[CANDIDATES] = kept


@kernel
def rebuild(rows, used, index):  # type: ignore[no-untyped-def]
    """Fill an empty index with the first `used` rows, which have different keys."""
    mask = uint64(len(index) - 1)
    for i in range(used):
        at = _hash(rows[i]) & mask
        while index[at]:
            at = (at + uint64(1)) & mask
        index[at] = i + 1


@kernel
def by_group(rows, used, is_chosen, at, order):  # type: ignore[no-untyped-def]
    """Write the numbers of the rows of the chosen groups to `order`, ordered by group.

    `at` is the first place of each group in `order`, and is advanced.
    """
    for i in range(used):
        group = rows[i, KEY] >> GROUP_AT
        if is_chosen[group]:
            order[at[group]] = i
            at[group] += 1


@kernel
def sum_classes(rows, order, left_out, starts, sums):  # type: ignore[no-untyped-def]
    """Add the rows of `order` that are left out to `sums`, by group and action class.

    `sums` has the words of a row from `FLOWS` on, for each (group, class). `FIRST` must begin at a large
    number.
    """
    for group in range(len(starts) - 1):
        for i in range(starts[group], starts[group + 1]):
            if left_out[i]:
                row = rows[order[i]]
                total = sums[group, action_class(row[KEY] >> ACTION_AT & ACTION_MASK)]
                total[0] += row[FLOWS]
                total[1] += row[PACKETS]
                total[2] += row[BYTES]
                total[3] = min(total[3], row[FIRST])
                total[4] = max(total[4], row[LAST])
                total[5] |= row[MARKS] & FLAGS
