"""The real walk in virtual time, under everything that a seed can think of.

One seed is one schedule: a policy, targets whose behaviour changes with time, a cache that
is away at times, and callers who come, wait, read slowly and hang up. The walk of
`failsoft_router.app` runs through it on a loop of virtual time, so an hour takes
milliseconds and ends the same way each time.

    drawing    seed -> schedule, a frozen value
    world      schedule -> story: what was asked, called, told, stored, and when
    promises   story -> what was broken; each promise is one function

`make simulate N=20000` walks many schedules; `make simulate SEED=7` tells the story of one.
"""
