"""AWS sessions, and calls from the event loop.

`session` finds the endpoint, the Region and the credentials, and makes boto3 clients. `calls` runs a call in
a thread, retries it while its error is temporary, counts it, and turns a final error into a sentence.
`threads` runs blocking calls in threads that do not delay the end of the process. `group_formats` asks EC2
(`DescribeFlowLogs`) for the format of each log group.
"""
