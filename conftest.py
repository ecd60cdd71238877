"""What holds for the tests of every package."""

from hypothesis import settings

# A property is about values: how long an example takes says how busy the machine is, and
# pytest's timeout ends what hangs.
settings.register_profile("failsoft", deadline=None)
settings.load_profile("failsoft")
