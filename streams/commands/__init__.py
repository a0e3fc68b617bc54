"""The subcommands of `vpcflow`; `streams.cli` lists them."""
