"""The conversations on the page and in its API: who talks to whom, with names.

`feed` reads the topics `conversations` and `inventory` into the board, `routes` has the route of the API,
`selection` parses a request, `grouping` computes the answer, and `labels` has the names of its rows.
"""
