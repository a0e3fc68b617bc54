"""What goes wrong in a world, with the label of each incident. Pure.

`incident` is one incident as data: when, where, and which EC2 calls it makes and undoes. `targets` chooses
the interfaces from an estate and a seed, `traffic` has the flows of each kind, and `schedule` applies all of
them to a minute.
"""
