"""The connection to Kafka: one value and one factory for every client.

`connection` is the value, made from settings. `factory` creates consumers, producers, admin clients
and connections from it, and the options that Faust needs. `tls` reads certificate files, `secret_files`
reads secrets, and `tokens` provides OAUTHBEARER tokens, from a file, from `token_endpoint` or from `msk`.
`abandoned` ends a producer that does not stop. `acls` is the table of the operations that each process needs;
`denials` names the one that Kafka refused, and `access` finds those that are missing beforehand. `reading`
reads committed messages without a consumer group.
"""
