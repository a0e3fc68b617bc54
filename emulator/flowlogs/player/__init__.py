"""The process that simulates a world and delivers its flow logs."""
