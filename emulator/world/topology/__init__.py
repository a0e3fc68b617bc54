"""An estate as a topology file describes it. Pure except `presets`.

`model` has the records, `lines` the short forms of rules, entries and routes; `file` reads YAML and `checks`
finds faults, each with its line. `interfaces` lists the network interfaces with their addresses, `tags` the
tags that the builder sets, and `described` is the network that EC2 would describe after a build, with the
ids and IPv6 blocks of `ids`. `presets` are `small` and `shop`, files in the folder of the same name, and
`estate`.
"""
