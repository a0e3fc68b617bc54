"""The inventory: the owners of interfaces and addresses by time, from AWS through the topic `inventory`.

`rows` is the format of the topic. `directory` finds the owner of an interface or of an address at a moment,
with `blocks` for address blocks and `geo` for MaxMind's databases; `follower` keeps a directory up to date.
"""
