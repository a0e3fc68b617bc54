"""The store on disk, for `--data-dir`: what was answered survives the end of the process, however it ends.

`codec` writes streams down, with whatever fields they have; `batches` packs records as they lie in shards;
`folder` opens a folder for one process; `journal` commits what changed, many requests at once, and loads it;
`durable` holds every answer back until that is done.
"""
