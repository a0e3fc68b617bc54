"""Whether AWS would let a flow log deliver: IAM roles and bucket policies."""
