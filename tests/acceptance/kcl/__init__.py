"""A KCL 3 consumer in Java: its sources, its build, and its process, for `test_kcl.py`."""
