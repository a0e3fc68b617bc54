"""The conversations of windows: partial rows in, the largest conversations of each interface out. Pure.

`published` has the schema and the encoding of published conversations: the topic `conversations`, and the
second Arrow stream of a message of `finals`.
"""
