"""The Kafka side of the connectors: clients, slots, transactions, topics and messages.

`clients` creates every Kafka client. `slots` implements the exactly-once rule of a hop: a partition of a
state topic with its transactional producer. `state_on_disk` holds a large state, `partitioner` assigns a
source to a slot, and `ownership` is the consumer group that assigns slots to instances. `recovery` decides
whether slots are opened again in place after an error. Messages: `messages` (format number), `blocks`,
`dead`, `health_messages`. `topics` creates and checks topics by `topic_settings`. `reachability` connects
once to explain why Kafka cannot be used; `probe` interprets the answers.
"""
