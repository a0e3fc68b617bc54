"""Alerts: detection rules, alert states, and delivery.

`detectors` evaluates one window against the `baseline` of its interface. `alert_states` holds an
`alert_state` for each rule and interface, with the `marks` of the last windows. `evaluator` joins these for a
partition. These modules are pure and run in the hop `detect`. `notify` implements `vpcflow notify`: it reads
the topic `alerts`, filters it with `firing` (pure), and delivers to `sinks`. A slow receiver therefore never
delays a window.
"""
