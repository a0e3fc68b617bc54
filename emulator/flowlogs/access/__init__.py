"""Whether AWS would let a flow log deliver: IAM roles and bucket policies.

`policies` evaluates policy documents and `bucket_policy` the policy of a bucket (both pure). `roles` reads a
role by boto3. `permissions` answers for a flow log and its destination.
"""
