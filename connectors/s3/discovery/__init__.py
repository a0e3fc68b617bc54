"""The discovery of objects: by listing the bucket, or by an SQS queue of notifications.

`listing` lists accounts, Regions and days, and `found` keeps the oldest keys of a listing. `queue` receives
messages and deletes each after the commit of its objects; `notifications` parses them, and `queue_watch`
records what polls prove about progress. `exports` recognises files that CloudWatch Logs exported, and
`export_tasks` reads the states of export tasks. `ignored` counts objects that are not flow logs; `survey`
reports them.
"""
