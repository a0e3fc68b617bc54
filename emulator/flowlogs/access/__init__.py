"""The permissions of a flow log to deliver: IAM roles and bucket policies.

`policies` evaluates policy documents and `bucket_policy` the policy of a bucket (both pure). `roles` reads a
role through boto3. `permissions` combines them for a flow log and its destination.
"""
