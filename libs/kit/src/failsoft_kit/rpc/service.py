"""What a process serves: the values that its wiring puts together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
from prometheus_client.registry import Collector

from failsoft_kit.clock import Clock
from failsoft_kit.http.listener import HttpListener
from failsoft_kit.identity import Access, Authority, ServiceToken
from failsoft_kit.rpc.background import Job
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.status import ErrorDetails, no_details
from failsoft_kit.telemetry.setup import Telemetry
from failsoft_kit.tls.server import ServerTls

MAX_CALLS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One gRPC port and what is served on it; health is served on every one."""

    address: str
    """`host:port`; port 0 for any free one."""
    setting: str
    """Where the operator wrote the address, for messages about it."""
    register: Callable[[grpc.aio.Server], None]
    """Adds the servicers, by their generated `add_…Servicer_to_server`."""
    access: Mapping[str, Access]
    """What each method demands, by its full name without a leading slash."""
    reflection: bool = False
    """Whether it tells what it serves; for ports that only insiders reach."""
    max_calls: int = MAX_CALLS
    """Calls that may run at once; more are refused as OVERLOADED. Health is always answered."""
    trust_loopback: bool = True
    """False demands the token from this machine's callers too, as behind a local proxy; so do
    authorities."""
    tls: ServerTls | None = None
    """None: calls arrive in the clear."""


def health_listener(address: str, *, setting: str) -> Listener:
    """A port that tells health in the clear to everybody, and nothing else: for probes, which
    speak no TLS."""
    return Listener(address=address, setting=setting, register=_nothing, access={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that one process serves."""

    name: str
    listeners: Sequence[Listener]
    clock: Clock
    telemetry: Telemetry
    health: Health
    http: Sequence[HttpListener] = ()
    """The ports that serve HTTP; their calls are drained with all others."""
    token: ServiceToken | None = None
    """None: no service of ours is known."""
    authorities: Sequence[Authority] = ()
    """Know users, on every port. None of them and no token: every port must be on loopback."""
    background: Sequence[Job] = ()
    """Run from before the first call until after the last; one that raises is begun again."""
    on_hangup: Callable[[], None] | None = None
    """Called at each SIGHUP, which by custom asks to read files anew; returns at once.
    None: the signal ends the process, as it does by itself."""
    drain_seconds: float = 25.0
    """How long running calls may still take once the service stops."""
    error_details: ErrorDetails = no_details
    """Adds to an error's status what callers who know this service can read."""
    collectors: Sequence[Collector] = ()
    """What is served beside our own metrics, such as an engine's; read in threads."""


def _nothing(_: grpc.aio.Server) -> None:
    """Health is there without being registered."""
