"""The subcommands of `vpcflow`, one module for each; `streams.cli` lists them.

Each defines the options of its subcommand and imports the packages that it runs inside its function.
`running` reads the settings, runs a command, and turns an error that the user can correct into a sentence and
an exit status. `local_extra` reports a missing package of the extra `local`. `checks` has the tests and the
report of `check`, and `reachability` the steps of `diagnose`, `reach` and `rejects`.
"""
