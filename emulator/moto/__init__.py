"""Every AWS service but Kinesis and Firehose: moto's server in a process of its own.

`backend` starts the process with the first request and forwards to it; `child` is the process, with the
`patches` that it needs. `requests` names the service of a request and builds what is forwarded (pure).
`health` is LocalStack's health page, and whether moto is installed.
"""
