"""The half of compute that runs on each host: wanted documents in, reports out.

`wanted.py` is the language of both, `plan.py` decides, `reconcile.py` performs.
"""
