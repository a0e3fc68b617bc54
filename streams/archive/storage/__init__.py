"""The place of an archive: `interface` has its functions, `folder` and `bucket` implement them.

`places` chooses one by VPCFLOW_ARCHIVE.
"""
