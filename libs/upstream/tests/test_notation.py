"""Faults as text."""

import pytest

from failsoft_upstream import faults
from failsoft_upstream.faults import Fault
from failsoft_upstream.notation import BadFault, from_value, parse, to_value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hang", faults.Hang()),
        ("status=503", faults.Status(status=503)),
        (
            "status=429;retry-after=250ms;form=ms",
            faults.Status(status=429, retry_after=0.25, form=faults.HintForm.MILLISECONDS),
        ),
        (
            "error=insufficient_quota",
            faults.ProviderError(error=faults.ErrorKind.INSUFFICIENT_QUOTA),
        ),
        ("reset", faults.Reset()),
        ("reset=3", faults.Reset(after=3)),
        (" Cut = 3 ", faults.Cut(after=3)),
        ("no-done", faults.NoDone()),
        ("slow=2s;cover=role", faults.Slow(seconds=2.0, cover=faults.Cover.ROLE)),
        ("malformed=1;form=utf8", faults.Malformed(after=1, form=faults.Garble.UTF8)),
        ("content_type=text/html", faults.ContentType(value="text/html")),
        ('"stall=3"', faults.Stall(after=3)),
        (
            '{"kind": "status", "status": 200, "body": {"a": 1}, "headers": {"x-a": "b"}}',
            faults.Status(status=200, body='{"a":1}', headers={"x-a": "b"}),
        ),
        ('{"kind": "refuse", "seconds": null}', faults.Refuse()),
    ],
)
def test_a_text_names_a_fault(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "unknown kind ''; one of: healthy, status, error"),
        ("statsu=503", "unknown kind 'statsu'"),
        ("status", "status needs status"),
        ("status=1000", "status.status: must be a whole number from 200 to 599, not '1000'"),
        ("status=-1", "status.status: must be a whole number"),
        ("hang=3", "hang takes no value"),
        ("cut=3;until=2", "cut has no field 'until'; its fields: after"),
        ("cut=3;after", "'after' is no option: write name=value"),
        ("slow=soon", "slow.seconds: must be seconds, such as 2, 0.5, 2s or 250ms, not 'soon'"),
        ("error=oops", "error.error: must be one of invalid_api_key, forbidden"),
        ("slice=0", "slice.size: must be a whole number from 1"),
        ('{"kind": "cut", "after": true}', "cut.after: must be a whole number"),
        ('{"kind": "status", "status": 200, "headers": {"a": "b\\r\\nc: d"}}', "line ends"),
        ('{"kind": "status", "status": 200, "headers": {"a": 1}}', "an object of texts"),
        ('{"kind": ', "not JSON"),
    ],
)
def test_a_bad_text_is_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(BadFault) as raised:
        parse(text)
    assert said in str(raised.value)


def test_a_list_is_no_fault() -> None:
    with pytest.raises(BadFault):
        from_value([])


@pytest.mark.parametrize(
    "fault",
    [
        faults.HEALTHY,
        faults.Status(status=429, retry_after=2.0, headers={"x": "y"}),
        faults.ProviderError(error=faults.ErrorKind.OVERLOADED, retry_after=1.5),
        faults.Refuse(seconds=2.0),
        faults.Reset(after=0),
        faults.Hang(),
        faults.Slow(seconds=1.0, cover=faults.Cover.EMPTY_DELTAS),
        faults.Stall(after=2, seconds=0.5),
        faults.Cut(after=0),
        faults.Malformed(after=1),
        faults.StreamError(after=1),
        faults.NoDone(),
        faults.LeftOpen(),
        faults.Empty(),
        faults.EmptyBody(),
        faults.Finish(reason=faults.FinishReason.LENGTH, after=1),
        faults.ContentType(value="text/html"),
        faults.HugeLine(size=1024),
        faults.Slice(size=1),
        faults.Compressed(blank=1024),
        faults.Endless(filler=faults.Filler.LINE, after=1, status=500),
        faults.Resume(how=faults.Resumption.REPEAT, begun=False),
    ],
    ids=lambda fault: fault.kind,
)
def test_every_fault_survives_being_written_and_read(fault: Fault) -> None:
    assert from_value(to_value(fault)) == fault
