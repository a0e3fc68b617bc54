"""The live page: `vpcflow serve` reads three topics, keeps the newest windows in memory and shows them.

What is exact: the totals, because aggregates are absolute and the newest revision wins. What is bounded:
the windows kept (`history.py`), the alerts listed (`board.py`), the clients served (`live.py`). Every
instance holds its own history, so starting another one is all it takes to serve more people.
"""
