"""What the connectors write to Kafka: slots, transactions, topics and messages.

`slots` is the one implementation of the law of the hop: a partition of a state topic with its transactional
producer. `state_on_disk` holds a large state, `partitioner` assigns a source to a slot, and `ownership` is
the consumer group that shares slots out. Messages: `messages` (format number), `blocks`, `dead`,
`health_messages`. `topics` creates and checks topics by `topic_settings`. `reachability` connects once to
explain why Kafka cannot be used; `probe` interprets the answers.
"""
