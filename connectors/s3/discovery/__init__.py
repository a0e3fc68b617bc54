"""How objects are found: by listing the bucket, or by an SQS queue of notifications."""
