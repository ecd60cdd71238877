"""What spans and metrics cost a walk.

Four routers run at the same time: one that tells nothing, one with spans, one with metrics, one
with both. They and a bare echo take turns, round after round, so that whatever else the machine
does meets all of them; then all are started anew, so that one start's luck does not decide.
"""
