"""All AWS services except Kinesis and Firehose: moto's server in a child process.

`backend` starts the process with the first request and forwards requests; `child` is the process, with the
`patches` for moto. `requests` determines the service of a request and builds the forwarded one (pure).
`health` is LocalStack's health page, and the check that moto is installed.
"""
