"""Alerts: the rules, the states of alerts, and their delivery.

`detectors` evaluates one window against what is `usual` for its interface. `lives` keeps alerts, each a
`life` with the `marks` of its last windows, and `watch` joins these for a partition. These are pure and run
in the `detect` hop. `notify` implements `vpcflow notify`: it follows the topic with `firing` (pure) and
delivers to `sinks`. A slow receiver therefore never delays a window.
"""
