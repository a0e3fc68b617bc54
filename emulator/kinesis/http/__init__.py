"""Kinesis on HTTP.

`front` checks what AWS checks first: method, content type, target, body, and whether there is a signature
(`authentication`). `endpoint` answers requests and keeps subscriptions open (edge).
"""
