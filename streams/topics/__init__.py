"""The topics of a prefix for users: their list, and their messages as rows.

`listing` prints the table of `vpcflow topics list`. `reading` is `vpcflow read`: it reads a topic from a time
on, `decoding` has the rows of a message, `collecting` keeps the newest revision of each key, `naming` adds
names from the inventory, and `printing` writes the `columns` as table, JSON or CSV. `moments` parses times.
`growth` adds partitions to all topics.
"""
