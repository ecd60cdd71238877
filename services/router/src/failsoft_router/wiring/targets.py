"""The ways to targets: each is made when a policy that names it comes into force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from failsoft_kit.clock import Clock
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.tls.client import ClientTls
from failsoft_router.adapters.credentials import ShownToken, credential
from failsoft_router.adapters.endpoint_slices import EndpointSlices
from failsoft_router.adapters.http_target import HttpTarget
from failsoft_router.adapters.inference_target import InferenceTarget, is_shown_token
from failsoft_router.adapters.kubernetes_api import Cluster
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import MakeBoard
from failsoft_router.app.targets.connections import Connections
from failsoft_router.app.targets.endpoint_watch import EndpointWatch, Watched
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.app.targets.replicated_target import ReplicatedTarget
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.ports import Credential, Target
from failsoft_router.wire.anthropic.codec import AnthropicCodec
from failsoft_router.wire.gemini.codec import GeminiCodec
from failsoft_router.wire.openai.codec import OpenAiCodec

Reach: TypeAlias = Callable[[TargetPolicy, Credential | None, Credential | None], Target]
"""Makes the target of a policy, with its credential and that for its proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways to the targets of all policies.

    Attributes:
        to_targets: Closed before those to endpoints, which lead on from them.
        to_endpoints: To each endpoint of the targets that have several.
        endpoints: Which ones those are.
    """

    to_targets: Connections
    to_endpoints: Connections
    endpoints: EndpointWatch

    def make_board(self, *, ledger: Ledger, clock: Clock) -> MakeBoard:
        """Makes boards whose targets are reached by these."""
        make = partial(Board, connections=self.to_targets, ledger=ledger, clock=clock)
        return self.endpoints.following(make)


def ways_to_targets(
    *,
    calls: ClientCalls,
    cluster: Cluster | None,
    clock: Clock,
    draw: Callable[[], float],
    environ: Mapping[str, str],
    tls: ClientTls | None,
    token: ServiceToken | None,
) -> Ways:
    """The ways to the targets of all policies; nothing is called yet.

    Args:
        cluster: Knows the endpoints of Kubernetes services; None: there is none.
        environ: Where the policy's credentials may be.
        tls: To services of ours; None: in the clear.
        token: What those that need no key are shown; None: nothing.
    """
    open_ = partial(_open, clock=clock, token=token, environ=environ)
    one = partial(_target, calls=calls, clock=clock, token=token, tls=tls)
    to_endpoints = Connections(partial(open_, reach=one))
    endpoints = EndpointWatch(EndpointSlices(cluster, clock=clock, draw=draw), clock=clock)
    several = partial(ReplicatedTarget, to=to_endpoints.to, clock=clock, draw=draw)
    reach = partial(_reach, endpoints=endpoints, several=several, one=one)
    return Ways(
        to_targets=Connections(partial(open_, reach=reach)),
        to_endpoints=to_endpoints,
        endpoints=endpoints,
    )


def _open(
    policy: TargetPolicy,
    *,
    reach: Reach,
    clock: Clock,
    token: ServiceToken | None,
    environ: Mapping[str, str],
) -> tuple[Target, Credential | None]:
    secret = partial(credential, clock=clock, environ=environ)
    key = None if policy.credential is None else secret(policy.credential)
    to_proxy = None if policy.proxy_credential is None else secret(policy.proxy_credential)
    target = reach(policy, key, to_proxy)
    if key is None and token is not None and is_shown_token(policy):
        return target, ShownToken(token)
    return target, key


def _reach(
    policy: TargetPolicy,
    credential: Credential | None,
    proxy_credential: Credential | None,
    *,
    endpoints: EndpointWatch,
    several: Callable[[TargetPolicy, Watched], Target],
    one: Reach,
) -> Target:
    """The target of this policy, which may have several endpoints."""
    watched = endpoints.of(policy)
    if watched is not None:
        return several(policy, watched)
    return one(policy, credential, proxy_credential)


def _target(
    policy: TargetPolicy,
    credential: Credential | None,
    proxy_credential: Credential | None,
    *,
    calls: ClientCalls,
    clock: Clock,
    token: ServiceToken | None,
    tls: ClientTls | None,
) -> Target:
    speaking = partial(
        HttpTarget,
        policy,
        credential=credential,
        proxy_credential=proxy_credential,
        clock=clock,
    )
    match policy.provider:
        case Provider.OPENAI:
            return speaking(codec=OpenAiCodec(model=policy.model, endpoint=policy.endpoint))
        case Provider.ANTHROPIC:
            context = policy.context_tokens
            return speaking(codec=AnthropicCodec(model=policy.model, context_tokens=context))
        case Provider.GEMINI:
            return speaking(codec=GeminiCodec(model=policy.model))
        case Provider.FAILSOFT:
            return InferenceTarget(policy, token=token, credential=credential, calls=calls, tls=tls)
