"""`connect firehose`: the HTTP endpoint that Firehose delivery streams post to."""
