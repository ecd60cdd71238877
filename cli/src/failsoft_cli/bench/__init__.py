"""`failsoft bench`: how fast, how big and how soon ready local-llm's models are on this machine.

tiers      which models and profiles there are to measure, and which not and why: a pure list
figures    what was seen and what it comes to: pure arithmetic
usage      memory and CPU time of a process and its descendants
service    local-llm as a child process on loopback, from its start to its end
measuring  one tier, from its start to its figures
record     what it came to, for programs
report     the same, for people
runner     everything in order
"""
