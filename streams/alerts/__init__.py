"""Alerts: the rules that windows break, how long they break them, and the receivers.

`detectors` judges one window against what is `usual` of its interface, `lives` keeps the alerts with the
`marks` of their last windows, and `watch` joins these for a partition. They are pure and run inside the
`detect` hop. `sinks` and `notify` send alerts on and run as `vpcflow notify`, so that a slow receiver can
never hold a window back.
"""
