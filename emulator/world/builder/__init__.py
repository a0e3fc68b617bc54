"""The builder of a topology, by ordinary EC2 calls at any endpoint.

`building` makes the resources in order; `interfaces` the network interfaces; `found` recognises existing
resources; `requests` converts rules to EC2's form (pure). `calls` bounds and tags the calls. `provisioning`
makes the role, log group, stream or bucket of a flow log; `local_client` makes boto3 clients for a local
endpoint.
"""
