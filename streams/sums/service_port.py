"""The service port of a flow: the port of the side that offers the service, and the rule that determined it.

The rules (`conversations.PORT_RULES`), of which the first that applies determines the port:

1. `none`: the protocol has no ports (only TCP, UDP, DCCP, SCTP and UDP-Lite have), or both are absent.
2. `syn`: TCP flags have SYN without ACK: the destination received it, so its port is the service port.
3. `syn-ack`: TCP flags have SYN and ACK: the source answered a SYN.
4. `registered`: exactly one of the ports is below 1024.
5. `ephemeral`: exactly one of the ports is below 32768, where Linux's ephemeral ports begin.
6. `lower`: the lower port; the destination's if both are equal.

An absent port is never the service port, and counts as a high port. The flags of a flow are those of its
whole aggregation interval; AWS records ACK only together with SYN. Without a protocol, both ports count.
"""

from __future__ import annotations

from streams.compiled import inlined

NO_PORT = -1
PORT_MAX = 65_535
NONE, SYN, SYN_ACK, REGISTERED, EPHEMERAL, LOWER = range(6)

_TCP, _UDP, _DCCP, _SCTP, _UDP_LITE = 6, 17, 33, 132, 136
_PROTOCOL_ABSENT = 256  # `lines.PROTOCOL_ABSENT`
_SYN_FLAG, _SYN_ACK_FLAGS = 2, 18
_REGISTERED_BELOW, _EPHEMERAL_FROM = 1024, 32_768


@inlined
def service_port(protocol, source, destination, flags):  # type: ignore[no-untyped-def]
    """Return the service port, `NO_PORT` for none, and the number of the rule.

    Ports are `NO_PORT` if they are absent. `flags` are TCP flags, 0 if they are absent.
    """
    has_ports = protocol in (_TCP, _UDP, _PROTOCOL_ABSENT, _SCTP, _DCCP, _UDP_LITE)
    if not has_ports or (source < 0 and destination < 0):
        return NO_PORT, NONE
    handshake = flags & _SYN_ACK_FLAGS if protocol == _TCP else 0
    if handshake == _SYN_FLAG and destination >= 0:
        return destination, SYN
    if handshake == _SYN_ACK_FLAGS and source >= 0:
        return source, SYN_ACK
    # An absent port is above all others.
    a = source if source >= 0 else PORT_MAX + 1
    b = destination if destination >= 0 else PORT_MAX + 1
    lower = min(a, b)
    if (a < _REGISTERED_BELOW) != (b < _REGISTERED_BELOW):
        return lower, REGISTERED
    if (a < _EPHEMERAL_FROM) != (b < _EPHEMERAL_FROM):
        return lower, EPHEMERAL
    return lower, LOWER
