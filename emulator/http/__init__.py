"""HTTP/1.1 and HTTP/2 on one port, with TLS on request.

`listener` opens the port, `connections` tracks its connections, `protocol_detector` detects the HTTP version,
and `http1` and `http2` serve it. `messages` has `Incoming` and `Outgoing`, the requests and responses of
services. `heads` writes response heads, `bodies` decompresses bodies, `limits` has the limits of sizes and
times, `certificate` creates a certificate, `sockets` resets a connection. A client gets a response or a
closed connection within the limits of `limits.HttpLimits`.
"""
