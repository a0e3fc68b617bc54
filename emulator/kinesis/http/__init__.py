"""The HTTP layer of Kinesis.

`front` makes AWS's first checks: method, content type, target, body, and the presence of a signature
(`authentication`). `endpoint` answers requests and keeps subscriptions open (edge).
"""
