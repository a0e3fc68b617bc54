"""One real Apache Kafka node on this machine: its published jars, a Java to run them, and its life.

Never a toy: the broker is the one that production runs, with settings that keep it small. Where
`VPCFLOW_KAFKA` names a broker, callers use that one and nothing here; the choice is theirs.
"""
