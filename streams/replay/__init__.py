"""The whole system on one machine, for a bounded load, with a reconciliation report."""
