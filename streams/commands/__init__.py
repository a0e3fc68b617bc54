"""The subcommands of `vpcflow`; `streams.cli` lists them.

`connect`, `emulate` and `check` have the options of their subcommand. `running` reads settings, runs a
command, and turns an error that a person can correct into a sentence and an exit status. `checks` has the
trials of `check`.
"""
