"""AWS's text formats of flow logs. Pure.

`flowlog` has the fields of a line by version, and formats; `by_log_group` chooses a log group's format.
`envelope` opens a record: text, gzip, base64, JSON, and makes the envelope of a CloudWatch Logs subscription.
`kpl` splits a KPL aggregate, `json_records` and `json_rows` read JSON, `encodings` undoes base64 and UTF-16,
`headers` finds header lines in a text, and `texts` is the content of a record: lines or a refusal.
"""
