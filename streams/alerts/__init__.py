"""Alerts: the rules, the states of alerts, and their delivery.

`detectors` evaluates one window against what is the `baseline` of its interface. `alert_states` keeps alerts, each an
`alert_state` with the `marks` of its last windows; `evaluator` joins these for a partition. These are pure and run
in the `detect` hop. `notify` implements `vpcflow notify`: it follows the topic with `firing` (pure) and
delivers to `sinks`. A slow receiver therefore never delays a window.
"""
