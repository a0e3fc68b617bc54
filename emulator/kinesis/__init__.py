"""Plays the Kinesis service: a request and a time in, an answer out.

Everything here is pure: no socket, no clock, no task. `service.Kinesis` is the door; `operations/` has one
file for each call, named as the call, and one table that lists them. The order in which a request is
checked is AWS's, because clients can see it: target, body, types, limits, and only then the stream.

A call behaves as in AWS except that nothing is throttled unless asked for, nothing is encrypted (records only
say so), and signatures are not checked. Queues and channels are not played.
"""
