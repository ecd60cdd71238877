"""The router without its metrics, so that what they cost can be told by the difference.

    python -m benchmarks.telemetry.unmeasured

There is no such setting: whoever runs a service wants to know how it is.
"""

import runpy

from failsoft_kit.telemetry import Counter, Gauge, Histogram
from failsoft_router.app.telling.metrics import Metrics

TOLD = ("walk_ended", "hop_ended", "call_ended", "permit_returned")
"""What walks tell `Metrics`; each begins with work of its own before it comes to a cell."""


def ignore(*_given: object, **_named: object) -> None:
    """Take anything, do nothing."""


def main() -> None:
    """Run the router's own program."""
    for name in TOLD:
        if name not in vars(Metrics):
            raise SystemExit(f"what walks tell of has another name now than {name}")
        setattr(Metrics, name, ignore)
    for cell in (Counter, Gauge, Histogram):
        for name in {"add", "set", "observe"} & vars(cell).keys():
            setattr(cell, name, ignore)
    runpy.run_module("failsoft_router", run_name="__main__")


if __name__ == "__main__":
    main()
