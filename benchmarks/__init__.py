"""What a request costs: CPU time of router and cache, as multiples of a bare gRPC echo.

Wall time on a shared machine says little; CPU time of whole processes, taken from the
kernel before and after a known number of requests, interleaved with an echo in the same
run, can be compared from machine to machine.
"""
