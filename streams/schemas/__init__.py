"""The schemas of every topic, as files for other tools, and their reader.

`topics.json` lists for each topic the headers and the kinds of messages: the pattern of the key, and the
encoding of the value with its schema file. A JSON value has a JSON Schema (draft 2020-12). An Arrow value has
the names and types of its columns, a file for each Arrow stream in the value. `files` reads them.
"""
