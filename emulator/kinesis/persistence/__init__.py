"""The store on disk, for `--data-dir`. An acknowledged call survives any end of the process, also SIGKILL.

`codec` encodes streams with all their fields; `batches` packs records in their stored form (both pure).
`folder` opens a folder for one process; `journal` commits changes, several requests at once, and loads them;
`durable` delays an answer until its changes are committed.
"""
