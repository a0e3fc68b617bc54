"""The edge of the emulator: HTTP/1.1 and HTTP/2 on one port, with TLS beside them on request.

Every connection ends up as `exchange.Incoming` and `exchange.Outgoing`; nothing here knows any service.
Whatever a client sends, it gets an answer or a closed connection within the times of `connection.Rules`.
"""
