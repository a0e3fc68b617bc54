"""The reader of an estate, from any EC2 endpoint.

`reading` calls the `Describe…` operations and notes those that the endpoint does not implement. `described`
converts one element of an answer, `described_eni` one of a network interface, and `described_estate` all
answers (pure). `stand_ins` corrects interfaces that the emulator's builder made in place of those that only
AWS services can make.
"""
