"""The incidents of a world and their labels. Pure.

`incident` is one incident as data: its time, its target, and the EC2 calls that it makes and undoes.
`targets` chooses the interfaces from an estate and a seed, `traffic` has the flows of each kind, and
`schedule` applies all of them to a minute. `changes` applies their EC2 calls to an estate without EC2.
"""
