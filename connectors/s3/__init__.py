"""`connect s3`: the flow-log objects of a bucket, each exactly once."""
