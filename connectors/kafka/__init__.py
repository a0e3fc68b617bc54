"""What the connectors write to Kafka: slots, transactions, topics and messages."""
