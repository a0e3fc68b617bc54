"""Alerts: what an ENI's final windows say, how long they have said it, and who is told.

`detectors` judges one window, `lives` remembers the windows before it, `sinks` and `notify` tell people.
The first two are pure and run inside the `detect` hop; the last two run as `vpcflow notify`, so that a slow
receiver can never hold a window back.
"""
