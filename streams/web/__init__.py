"""The live page: `vpcflow serve`.

`app` is the web server, `hosts` checks host names, `shell` renders the HTML, and `build` compiles the page in
`ui`. `feed` reads the topics from the offsets of `starts` into `state`. `live` streams the changes to each
client once a second, `query` answers from the history, `stats` answers `/api/stats`, and `metrics` exports
the board to Prometheus. `conversations` has the conversations and the names of the inventory, and `process`
runs the server with all feeds. Every instance has its own history; start another instance to serve more
clients.
"""
