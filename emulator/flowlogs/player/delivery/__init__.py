"""The delivery of a flow log's records, by ordinary AWS calls."""
