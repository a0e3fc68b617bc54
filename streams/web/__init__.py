"""The live page: `vpcflow serve`.

`app` is the web server, `hosts` checks host names, `shell` the HTML, `build` compiles the page in `ui`.
`feed` reads topics from the offsets of `starts` into `state`. `live` sends each page the changes once a
second, `query` answers from the history, `stats` answers `/api/stats`, and `metrics` exports the board to
Prometheus. Every instance keeps its own history; start another instance to serve more clients.
"""
