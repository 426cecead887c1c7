"""The pages of docs/ that are generated: what is compatible, allowed, configurable, and where it lives.

`python -m welkin.docs` writes them (`make docs`); a test fails when one is out of date, so
that a diff shows what a change does to users.
"""
