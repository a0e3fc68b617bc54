"""The reading of AWS: what is described now, compared with the open rows of the topic.

`accounts` has the sessions of all accounts, `recorded_calls` the calls of one account and Region with the
last answers, `denials` what AWS refuses, `permissions` all IAM actions, and `region_reading` makes one
reading. `sources` holds what
owners are derived from, `owners` derives the owner of an interface, and `versions` the rows to write.
`prefixes` parses lists of address blocks; `prefix_files` reads those that the settings name.
"""
