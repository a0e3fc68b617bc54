"""The conversations of windows: partial rows in, the largest conversations of each interface out. Pure.

`conversations` has the tables of all windows of a merge partition. `table` is the bounded table of one
window, and `kernels` has its compiled loops; `rows` converts partials to rows, and `stored` encodes a table
as state. `selection` chooses the rows to publish and determines their direction, `distinct` has the
HyperLogLog sketches of peers and ports, and `frames` writes the messages, with the addresses as text by
`addresses`. `entities` declares the names that the tables need. `published` has the schema and the encoding
of published conversations: the topic `conversations`, and the second Arrow stream of a message of `finals`.
"""
