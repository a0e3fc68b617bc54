"""AWS calls with boto3.

`session` finds endpoint, Region and credentials, and makes clients. `calls` retries and counts calls, in
`threads` that do not delay the exit of the process. `errors` classifies the errors of calls and words them
for an operator. `group_formats` reads the formats of log groups from EC2.
"""
