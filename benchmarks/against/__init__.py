"""What a healthy walk costs now, against the commit that `benchmarks/BASELINE` names.

Both routers run at the same time, each from its own tree, with one look-alike behind
them and one collector for their spans; they and a bare echo take turns, round after
round, so that whatever else the machine does meets all three.
"""
