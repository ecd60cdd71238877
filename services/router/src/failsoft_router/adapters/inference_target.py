"""A target that speaks InferenceService: our local-llm, or another router."""

from collections.abc import AsyncGenerator

import grpc

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.wire.enums import DEGRADATION
from failsoft_kit.wire.inference import Malformed, decode_event, encode_request
from failsoft_model.chat import Degradation
from failsoft_model.events import Delta, Finished, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.ports import AttemptFailed, Ending, Piece, TargetCall
from failsoft_router.wire.remote import attempt_failed


class InferenceTarget:
    """One model behind one gRPC address."""

    def __init__(self, policy: TargetPolicy, *, token: ServiceToken | None) -> None:
        self._policy = policy
        self._channel = open_channel(policy.endpoint, token=token)
        self._stub = pb_grpc.InferenceServiceStub(self._channel)

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """See `ports.Target`."""
        request = encode_request(call.request, pb.StreamGenerateRequest)
        request.chat.model = self._policy.model
        # An old or made-up answer of a router behind us would look like a real one's.
        request.chat.refused_degradations.extend(_REFUSED - set(request.chat.refused_degradations))
        replies = self._stub.StreamGenerate(
            request,
            timeout=call.total,
            metadata=outgoing_metadata(
                tenant=call.tenant,
                span=call.span,
                attempt_id=call.attempt_id,
                request_id=call.request.request_id or None,
            ),
        )
        try:
            async for reply in replies:
                match decode_event(reply):
                    case Delta() | StreamReset() as piece:
                        yield piece
                    case Finished() as finished:
                        yield _ending(finished)
                        return
                    case _:
                        pass
        except grpc.aio.AioRpcError as error:
            raise attempt_failed(from_rpc_error(error)) from error
        except Malformed as error:
            raise AttemptFailed(ErrorClass.MALFORMED, "its reply breaks the contract") from error
        finally:
            replies.cancel()

    async def close(self) -> None:
        """See `ports.Target`."""
        await self._channel.close()


_REFUSED = {
    DEGRADATION.number[degradation]
    for degradation in (Degradation.STALE_CACHE, Degradation.SIMILAR_CACHE, Degradation.MOCK)
}


def _ending(finished: Finished) -> Ending:
    if finished.finish_reason is FinishReason.CONTENT_FILTER:
        raise AttemptFailed(ErrorClass.CONTENT_FILTER, "the provider filtered the answer")
    return Ending(
        finish_reason=finished.finish_reason,
        model=finished.model,
        usage=finished.usage,
        dropped_parameters=finished.dropped_parameters,
    )
