"""The subcommands of `vpcflow`, one module for each; `streams.cli` lists them.

`kafka`, `emulate`, `world`, `connect`, `work`, `notify`, `serve`, `replay`, `diagnose`, `read`, `topics` and
`check` define the options of their subcommand and import the packages that it runs inside its function.
`running` reads the settings, runs a command, and turns an error that the user can correct into a sentence and
an exit status. `local_extra` reports a missing package of the extra `local`. `checks` has the tests and the
report of `check`, and `diagnosis` the steps of `diagnose`. `repeated_logs` filters log lines of libraries.
"""
