"""Every name that the router's telemetry uses besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.rpc.names import RPC_CLIENT_NAMES
from failsoft_kit.telemetry import Name
from failsoft_router.metric_names import METRICS
from failsoft_router.span_names import SPAN_NAMES

NAMES: tuple[Name, ...] = (*SPAN_NAMES, *METRICS, *RPC_CLIENT_NAMES)
"""What wiring registers; a strict registry refuses everything else."""
