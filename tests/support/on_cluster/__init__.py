"""A real Kubernetes as the tests of tests/cluster use it, and what they run there.

kubectl    the programs kubectl and helm, in one namespace
node       the machine that pods run on, where a command is given that runs something there
release    Failsoft, installed by its chart
previous   the chart and the images that are upgraded from
images     what is in an image, as the program that built it tells
callers    pods of ours in a namespace beside it: who asks, who loads, a provider that fails
load       streams that one of them has all the time, and what became of them
"""
