"""The steps of the subcommands `diagnose`, `reach` and `rejects`.

`account` reads the configuration from AWS, and `account_at` that of a moment from the topic `inventory`.
`diagnosis` diagnoses two ends, `reaching` evaluates expected connections, and `rejecting` explains rejected
conversations.
"""
