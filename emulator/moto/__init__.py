"""Every AWS service but Kinesis and Firehose: moto's server in a process of its own."""
