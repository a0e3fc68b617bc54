"""The destinations of delivery streams.

`destinations` parses and describes a destination (pure). `endpoint` posts to an HTTP endpoint, `objects`
writes to S3, and `prefixes` evaluates prefix expressions and names objects (pure).
"""
