"""The codec of `failsoft.inference.v1`: everything that front doors, adapters and the cache need.

`decode_request` is for callers' requests and refuses; the other `decode_*` are for peers'
replies and read on where they can: what a later contract added is left out or unknown.
`encode_*` make a message, `fill_*` write into one that is there.
"""

from failsoft_kit.wire.answers import (
    decode_answer,
    decode_choice,
    decode_finished,
    encode_answer,
    fill_choice,
    fill_finished,
)
from failsoft_kit.wire.durations import decode_duration, fill_duration
from failsoft_kit.wire.enums import CACHE_STATUS, CAPABILITY, ERROR_CLASS, FINISH_REASON
from failsoft_kit.wire.events import decode_event, encode_event
from failsoft_kit.wire.malformed import Malformed
from failsoft_kit.wire.outgoing import encode_request
from failsoft_kit.wire.requests import decode_request
from failsoft_kit.wire.walks import (
    decode_hop,
    decode_usage,
    decode_walk_failure,
    encode_walk_failure,
    fill_hop,
    fill_usage,
)

__all__ = [
    "CACHE_STATUS",
    "CAPABILITY",
    "ERROR_CLASS",
    "FINISH_REASON",
    "Malformed",
    "decode_answer",
    "decode_choice",
    "decode_duration",
    "decode_event",
    "decode_finished",
    "decode_hop",
    "decode_request",
    "decode_usage",
    "decode_walk_failure",
    "encode_answer",
    "encode_event",
    "encode_request",
    "encode_walk_failure",
    "fill_choice",
    "fill_duration",
    "fill_finished",
    "fill_hop",
    "fill_usage",
]
