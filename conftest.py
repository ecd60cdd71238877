"""What holds for the tests of every package."""

from hypothesis import settings

pytest_plugins = ("valkey_process",)

# A property is about values: how long an example takes says how busy the machine is, and
# pytest's timeout ends what hangs.
# A change is judged by the same examples each time; `make explore` looks for others.
settings.register_profile("failsoft", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("failsoft")
