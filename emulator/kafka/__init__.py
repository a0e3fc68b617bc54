"""A real Apache Kafka on this machine: one node or a cluster, with secured listeners and ACLs if wanted.

`cluster` starts and stops it (command `vpcflow kafka`), `node` is one of its processes, `readiness` asks a port
for its cluster. `installation` joins Kafka's `jars`, a `java`, and the class-data `archive` that
shortens a start. `folder` locks a data folder, `ports` finds and checks ports, `orphan` ends a node when its
parent dies. `security` describes listeners and users, `certificates` issues them, `acls` creates ACLs.
`properties` has the broker's settings, `storage` the arguments that format it, `errors` the exceptions.
"""
