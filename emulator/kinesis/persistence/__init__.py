"""The store on disk, for `--data-dir`: an acknowledged call survives the end of the process, however it ends.

`codec` encodes streams, with whatever fields they have; `batches` packs records as they lie in shards (both
pure). `folder` opens a folder for one process; `journal` commits changes, many requests at once, and loads
them; `durable` holds an answer back until its changes are committed.
"""
