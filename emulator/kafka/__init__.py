"""A real Apache Kafka on this machine: one node or a cluster, with secured listeners and ACLs if wanted.

`foreground` is the command `vpcflow kafka`. `cluster` starts and stops nodes, and `node` is one process.
`readiness` asks a port for its cluster. `installation` joins Kafka's `jars`, a `java`, and the class-data
`archive`, which shortens a start. `folder` locks a data folder, `ports` finds and checks ports, `orphan` ends
a node when its parent dies. `properties` has the broker's settings, `storage` the arguments that format it,
`errors` the exceptions. `security` has listeners with TLS and SASL, their users and certificates, and ACLs.
"""
