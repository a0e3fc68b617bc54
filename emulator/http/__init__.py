"""HTTP/1.1 and HTTP/2 on one port, with TLS on request.

`listener` opens the port, `connections` knows its connections, `protocol_detector` reads the version of HTTP,
and `http1` and `http2` serve it. `messages` has `Incoming` and `Outgoing`, by which services see requests.
`heads` writes heads of answers, `bodies` decompresses bodies, `rules` has sizes and times, `certificate`
makes a certificate, `sockets` resets a connection. A client gets an answer or a closed connection within
`rules.Rules`.
"""
