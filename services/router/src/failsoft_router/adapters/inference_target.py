"""A target that speaks InferenceService: our local-llm, or another router."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import grpc

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.call import depth
from failsoft_kit.identity import AUTHORIZATION_METADATA, ServiceToken
from failsoft_kit.rpc.channel import (
    Metadata,
    open_channel,
    outgoing_metadata,
    server_name_option,
)
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.rpc.whole_call import let_end
from failsoft_kit.tls.client import ClientTls
from failsoft_kit.wire.inference import Malformed, decode_event, encode_request
from failsoft_model.chat import Degradation
from failsoft_model.events import Delta, Finished, Started, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router import span_names
from failsoft_router.adapters.sights import model_sight
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.core.sight import Sight
from failsoft_router.ports import AttemptFailed, Credential, Ending, Piece, TargetCall
from failsoft_router.wire.ending import known_id, known_model
from failsoft_router.wire.remote import attempt_failed
from failsoft_router.wire.size import AnswerSize

_REFUSED = frozenset({Degradation.STALE_CACHE, Degradation.SIMILAR_CACHE, Degradation.MOCK})
"""An old or made-up answer of a router behind us would look like a real one's."""


def is_shown_token(policy: TargetPolicy) -> bool:
    """Whether calls to this target show our service token, where we have one."""
    ours = policy.provider is Provider.FAILSOFT and not policy.external
    return ours and policy.credential is None


class InferenceTarget:
    """One model behind one gRPC address.

    Who we are and whose request it is (token, tenant, trace, attempt) is told to a target
    in our own network only; one outside sees its own credential and the request. How many
    routers the request has gone through is told to all: a circle may lead through others'.
    """

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        token: ServiceToken | None,
        credential: Credential | None,
        calls: ClientCalls,
        tls: ClientTls | None = None,
    ) -> None:
        """
        Args:
            token: Shown to a target in our own network that has no credential of its own.
            tls: The certificate for a target in our own network that has TLS; None: none.
        """
        self._policy = policy
        self._credential = credential
        self._calls = calls
        self._channel = _open(policy, token=token if is_shown_token(policy) else None, tls=tls)
        self._stub = pb_grpc.InferenceServiceStub(self._channel)

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """See `ports.Target`."""
        asked = replace(
            call.request,
            model=self._policy.model,
            refused_degradations=call.request.refused_degradations | _REFUSED,
        )
        request = encode_request(asked, pb.StreamGenerateRequest)
        await self._connect(call.connect)
        replies = self._stub.StreamGenerate(
            request, timeout=call.total, metadata=self._metadata(call)
        )
        size = AnswerSize()
        logprobs = asked.sampling.logprobs
        finished: Finished | None = None
        try:
            with self._calls.measured(span_names.GENERATE_METHOD, call.span):
                async for reply in replies:
                    match decode_event(reply, logprobs=logprobs):
                        case Delta() as delta:
                            spoken = len(delta.text) + len(delta.tool_call_id)
                            size.count(spoken + len(delta.tool_name))
                            if logprobs:
                                size.count_tokens(delta.logprobs)
                            yield delta
                        case StreamReset() as reset:
                            yield reset
                        case Finished() as finished:
                            _tell_load(finished, call)
                            break
                        case Started() as started:
                            _tell_load(started, call)
                        case _:
                            pass
        except grpc.aio.AioRpcError as error:
            failed = attempt_failed(from_rpc_error(error), external=self._policy.external)
            raise failed from error
        except Malformed as error:
            raise AttemptFailed(ErrorClass.MALFORMED, "its reply breaks the contract") from error
        finally:
            if finished is None:
                replies.cancel()
            else:
                let_end(replies)
        if finished is not None:
            yield _ending(finished, asked=self._policy.model)

    async def look(self, *, within: float) -> Sight:
        """See `ports.Neighbour`."""
        return await model_sight(
            self._channel, model=self._policy.model, metadata=self._shown(), within=within
        )

    async def close(self) -> None:
        """See `ports.Target`."""
        await self._channel.close()

    async def _connect(self, within: float) -> None:
        """Wait for a connection; costs nothing while there is one.

        gRPC's own deadline covers the whole call, so it cannot tell a dead address from a
        slow answer.
        """
        ready, failed = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE
        try:
            async with asyncio.timeout(within):
                while (state := self._channel.get_state(try_to_connect=True)) is not ready:
                    if state is failed:
                        raise AttemptFailed(ErrorClass.TRANSIENT, "no connection", sent=False)
                    await self._channel.wait_for_state_change(state)
        except TimeoutError:
            raise AttemptFailed(
                ErrorClass.TIMEOUT_CONNECT, "no connection within its limit", sent=False
            ) from None

    def _metadata(self, call: TargetCall) -> Metadata:
        shown = self._shown()
        passed = depth() + 1
        if self._policy.external:
            return (*outgoing_metadata(depth=passed), *shown)
        ours = outgoing_metadata(
            tenant=call.tenant,
            span=call.span,
            attempt_id=call.attempt_id,
            depth=passed,
            request_id=call.request.request_id or None,
        )
        return (*ours, *shown)

    def _shown(self) -> Metadata:
        """Its own credential, where it has one."""
        key = self._credential.value() if self._credential is not None else None
        return () if key is None else ((AUTHORIZATION_METADATA, f"Bearer {key}"),)


def _open(
    policy: TargetPolicy, *, token: ServiceToken | None, tls: ClientTls | None
) -> grpc.aio.Channel:
    """Who is outside of our network learns nothing of our own authority and certificates."""
    if not policy.tls:
        return open_channel(policy.endpoint, token=token)
    roots, name = policy.ca_certificates.encode() or None, policy.server_name
    if tls is not None and not policy.external:
        return tls.open_channel(policy.endpoint, token=token, authorities=roots, server_name=name)
    return open_channel(
        policy.endpoint,
        token=token,
        options=server_name_option(name),
        tls=grpc.ssl_channel_credentials(roots),
    )


def _tell_load(event: Started | Finished, call: TargetCall) -> None:
    if event.load is not None:
        call.hears_load(event.load)


def _ending(finished: Finished, *, asked: str) -> Ending:
    if finished.finish_reason is FinishReason.CONTENT_FILTER:
        raise AttemptFailed(ErrorClass.CONTENT_FILTER, "the provider filtered the answer")
    if finished.degradation in _REFUSED:
        # It was told that we want none: an old version of ours, or something else.
        raise AttemptFailed(ErrorClass.MALFORMED, "it gave an old or made-up answer unasked")
    return Ending(
        finish_reason=finished.finish_reason,
        model=known_model(finished.model, asked=asked),
        response_id=known_id(finished.walk_id),
        usage=finished.usage,
        dropped_parameters=finished.dropped_parameters,
    )
