"""The pages of `docs/`: what is generated from the code, and tests of what is not.

`python -m tests.pages` writes the generated tables into their pages.
"""
