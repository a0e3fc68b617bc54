"""Secured listeners of a local Kafka.

`listeners` describes them, their users, and the broker settings for them (pure). `certificates` issues the
certificates of the broker and of clients. `acls` creates and deletes ACLs.

    async with kafka_node(security=Security({"alice": "secret"}, has_acls=True)) as node:
        await allow(node.bootstrap, [Acl("alice", "topic", "vpcflow.", "write", is_prefix=True)])
        servers, ca = node.secured(Listener.SASL_SSL), node.certificates.authority
        client = node.certificates.issue("alice")  # `client.certificate` and `client.key`, for Listener.MTLS
"""
