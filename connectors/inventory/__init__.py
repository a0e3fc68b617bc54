"""The inventory: the owners of interfaces and addresses by time, from AWS through the topic `inventory`.

`rows` is the format of the topic, and `network_rows` that of the network configuration in it. `directory`
finds the owner of an interface or of an address at a moment, with `blocks` for address blocks and `geo` for
MaxMind's databases; `follower` keeps a directory up to date. `network_at` answers as AWS did at a moment.

`process` is `vpcflow inventory`: it reads AWS (`reading`) and writes the rows that `publishing` finds. `call`
names one call to AWS.
"""
