"""What callers notice of an outage: the first target dies under load, in one way after another.

Callers come at a steady rate whatever happens, as they do in life. The first target of
their route hangs, answers 500, refuses connections; each time it is repaired, and each
time the promises of `promises` are held against what every single caller saw.
"""
