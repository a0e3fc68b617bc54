"""The addition of one parsed line to the tables: totals, maps of rejected traffic, conversation. Pure.

With spread `even`, a flow is divided among the windows that it covers: flow logs with an aggregation interval
of 600 s report flows of up to 600 s. Each window gets the packets and bytes in proportion to the seconds of
the flow that lie in it; a flow covers all seconds from `start` to `end`, both included. The sum up to the end
of a window is rounded down, so that the shares are integers that add up to the totals, and remainders belong
to later windows. The flow itself counts once, in the window of its `start`. A later window whose share is
nothing gets no row.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from streams.compiled import inlined
from streams.sums import parsing, tables
from streams.sums.lines import (
    BYTES,
    DSTPORT,
    END,
    PACKETS,
    PROTOCOL,
    SPREAD_MAX_S,
    SRCPORT,
    START,
    TCP_FLAGS,
    TCP_FLAGS_MAX,
)
from streams.sums.service_port import NO_PORT, PORT_MAX, service_port
from streams.sums.tables import (
    FLOWS_FLAGS,
    MAP_BITS,
    MAP_WORDS,
    N_CONVERSATIONS,
    N_MAPS,
    N_TOTALS,
    fmix,
    form_of,
    place,
)

_BIT_AT = uint64(64 - MAP_BITS.bit_length() + 1)


@inlined
def _start_row(row, a, b, c, first, last):  # type: ignore[no-untyped-def]
    """Write an empty row with this key."""
    row[0], row[1], row[2] = a, b, c
    row[tables.FLOWS], row[tables.PACKETS], row[tables.BYTES] = 0, 0, 0
    row[tables.FIRST], row[tables.LAST] = first, last


@inlined
def _sum(row, packets, size, first, last):  # type: ignore[no-untyped-def]
    """Add packets, bytes and times to a row of totals or of conversations."""
    row[tables.PACKETS] += packets
    row[tables.BYTES] += size
    row[tables.FIRST] = min(row[tables.FIRST], first)
    row[tables.LAST] = max(row[tables.LAST], last)


@inlined
def _total_of(found, record, window, first, last):  # type: ignore[no-untyped-def]
    """Return the number of the row of totals of a line in a window, which is new if there was none."""
    kind = record[parsing.ACTION_WORD] | record[PROTOCOL] << tables.ACTION_BITS
    kind |= record[parsing.ID_KIND] << tables.ID_KIND_AT
    used, lo, number = found.counts[N_TOTALS], record[parsing.LO], record[parsing.LAST_TOTAL]
    row = found.totals[number]
    # Lines of one interface usually follow each other.
    if number < used and row[tables.LO] == lo and row[tables.WINDOW] == window and row[tables.KIND] == kind:
        return number
    number = place(found.totals_index, found.totals, used, lo, window, kind)
    record[parsing.LAST_TOTAL] = number
    if number == used:
        _start_row(found.totals[number], lo, window, kind, first, last)
        if record[parsing.ACTION_WORD] == 1:
            found.counts[N_MAPS] += 1
            found.map_of[number] = found.counts[N_MAPS]
        found.counts[N_TOTALS] = used + 1
    return number


@inlined
def _set_bits(bits, port, source):  # type: ignore[no-untyped-def]
    """Set the bits of a port and of the hash of a source in a pair of maps."""
    bit = fmix(uint64(port)) >> _BIT_AT
    bits[np.int64(bit >> uint64(6))] |= uint64(1) << (bit & uint64(63))
    bit = fmix(uint64(source)) >> _BIT_AT
    bits[MAP_WORDS + np.int64(bit >> uint64(6))] |= uint64(1) << (bit & uint64(63))


@inlined
def _addresses(found, record):  # type: ignore[no-untyped-def]
    """Return the forms of all addresses, a word of source and destination, and one of the packet addresses.

    Packet addresses are absent if they are equal to `srcaddr` and `dstaddr`.
    """
    forms, ends, pkt_ends = uint64(0), uint64(0), uint64(0)
    for nth in range(record[parsing.N_ADDRESSES]):
        word = parsing.ADDRESSES + 2 * nth
        if nth >= 2 and record[word] == record[word - 4] and record[word + 1] == record[word - 3]:
            continue
        form, bits = form_of(found, uint64(record[word]), uint64(record[word + 1]))
        forms |= form << uint64(2 * nth)
        if nth < 2:
            ends |= bits << uint64(32 * nth)
        else:
            pkt_ends |= bits << uint64(32 * nth - 64)
    return forms, ends, pkt_ends


@inlined
def _port(number):  # type: ignore[no-untyped-def]
    return number if number <= PORT_MAX else NO_PORT


@inlined
def _context(record, total, forms):  # type: ignore[no-untyped-def]
    """Return the first word of the key of a conversation."""
    source, destination = _port(record[SRCPORT]), _port(record[DSTPORT])
    port, rule = service_port(record[PROTOCOL], source, destination, _flags(record))
    context = total | (port + 1) << tables.PORT_AT | rule << tables.RULE_AT
    return context | record[parsing.DIRECTION] << tables.DIRECTION_AT | np.int64(forms) << tables.FORMS_AT


@inlined
def _flags(record):  # type: ignore[no-untyped-def]
    flags = record[TCP_FLAGS]
    return flags if 0 <= flags <= TCP_FLAGS_MAX else 0


@inlined
def _conversation_of(found, record, total, first, last):  # type: ignore[no-untyped-def]
    """Return the number of the row of the conversation of a line, whose row of totals is `total`."""
    forms, ends, pkt_ends = _addresses(found, record)
    a, b, c = _context(record, total, forms), np.int64(ends), np.int64(pkt_ends)
    used = found.counts[N_CONVERSATIONS]
    number = place(found.conversations_index, found.conversations, used, a, b, c)
    if number == used:
        _start_row(found.conversations[number], a, b, c, first, last)
        found.counts[N_CONVERSATIONS] = used + 1
    return number


@inlined
def _add(found, record, window, flows, packets, size, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    """Add flows, packets and bytes of a line to its rows of a window."""
    total = _total_of(found, record, window, first, last)
    row = found.totals[total]
    row[tables.FLOWS] += flows
    _sum(row, packets, size, first, last)
    if record[parsing.ACTION_WORD] == 1:
        bits = found.maps[found.map_of[total]]
        _set_bits(bits, max(record[DSTPORT], 0), record[parsing.SOURCE_HASH])
    if record[parsing.N_ADDRESSES]:
        row = found.conversations[_conversation_of(found, record, total, first, last)]
        row[FLOWS_FLAGS] = (row[FLOWS_FLAGS] | _flags(record)) + (flows << tables.FLAG_BITS)
        _sum(row, packets, size, first, last)


@inlined
def add_line(found, record, rules):  # type: ignore[no-untyped-def]
    """Add a parsed line to the tables, with spread to each window that it covers."""
    start, end, width_s = record[START], record[END], rules.window_s
    window = record[parsing.WINDOW]
    if not window * width_s <= start < (window + 1) * width_s:
        window = start // width_s
        record[parsing.WINDOW] = window
    seconds = end - start + 1
    is_spread = rules.is_spread and (window + 1) * width_s <= end and seconds <= SPREAD_MAX_S
    first, last, packets, size, flows = start, end, 0, 0, 1
    while True:
        packets_upto, size_upto = record[PACKETS], record[BYTES]
        if is_spread:
            first, last = max(window * width_s, start), min((window + 1) * width_s - 1, end)
            packets_upto = packets_upto * (last - start + 1) // seconds
            size_upto = size_upto * (last - start + 1) // seconds
        if flows or packets_upto > packets or size_upto > size:
            _add(found, record, window, flows, packets_upto - packets, size_upto - size, first, last)
        if last >= end or not is_spread:
            return
        packets, size, flows, window = packets_upto, size_upto, 0, window + 1
