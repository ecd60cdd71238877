"""New files are in use when they are good, all of them together; else the old ones stay."""

import asyncio
import os
import threading
from pathlib import Path

import pytest
from certificates import MountedSecret, TestAuthority
from descriptors import no_descriptors_left
from tls_stage import client_of

from failsoft_kit.tls.followed import FollowedTls
from failsoft_kit.tls.pem import PairFiles, TlsFiles

AUTHORITY = TestAuthority()
DAY_SECONDS = 24 * 60 * 60
FIRST, SECOND = AUTHORITY.issue("cache.test"), AUTHORITY.issue("cache.test")


@pytest.fixture
def secret(tmp_path: Path) -> MountedSecret:
    return MountedSecret(tmp_path / "secret", AUTHORITY, FIRST)


@pytest.fixture
def followed(secret: MountedSecret) -> FollowedTls:
    own = PairFiles(certificate=secret.certificate, key=secret.key)
    return FollowedTls(TlsFiles(own=own, authorities=secret.authorities, serves=True))


def certificate_of(followed: FollowedTls) -> bytes:
    assert followed.current.own is not None
    return followed.current.own.certificate


def test_files_that_stay_as_they_are_change_nothing(followed: FollowedTls) -> None:
    before = followed.current
    assert not followed.look()
    assert followed.current is before


def test_a_swapped_secret_is_in_use_at_the_next_look(
    followed: FollowedTls, secret: MountedSecret
) -> None:
    secret.put(AUTHORITY, SECOND)
    assert certificate_of(followed) == FIRST.certificate

    assert followed.look()
    assert certificate_of(followed) == SECOND.certificate


def test_the_same_content_in_new_files_is_no_change(
    followed: FollowedTls, secret: MountedSecret
) -> None:
    """Channels would be opened anew each time that somebody touches a Secret's labels."""
    secret.put(AUTHORITY, FIRST)
    assert not followed.look()


def test_another_authority_is_in_use_too(followed: FollowedTls, secret: MountedSecret) -> None:
    other = TestAuthority()
    secret.put(other, other.issue("cache.test"))
    assert followed.look()
    assert followed.current.authorities == other.pem


def test_an_authority_whose_time_is_over_leaves_the_one_before(
    followed: FollowedTls, secret: MountedSecret
) -> None:
    """It was put in force, and every new call ended."""
    secret.put(TestAuthority(days=(-10, -1)), SECOND)
    assert not followed.look()
    assert followed.current.authorities == AUTHORITY.pem


@pytest.mark.parametrize("bad", ["a key that does not fit", "an expired certificate"])
def test_a_bad_pair_leaves_the_old_one_until_there_is_a_good_one(
    followed: FollowedTls, secret: MountedSecret, bad: str
) -> None:
    if bad == "a key that does not fit":
        secret.put(AUTHORITY, SECOND, key=FIRST.key)
    else:
        secret.put(AUTHORITY, AUTHORITY.issue("cache.test", days=(-3, -1)))
    assert not followed.look()
    assert certificate_of(followed) == FIRST.certificate

    secret.put(AUTHORITY, SECOND)
    assert followed.look()
    assert certificate_of(followed) == SECOND.certificate


def test_files_that_have_gone_leave_the_old_ones(
    followed: FollowedTls, secret: MountedSecret
) -> None:
    secret.certificate.unlink()
    assert not followed.look()
    assert certificate_of(followed) == FIRST.certificate


def test_files_that_could_not_be_opened_are_in_use_when_they_can_be(
    followed: FollowedTls, secret: MountedSecret
) -> None:
    secret.put(AUTHORITY, SECOND)
    with no_descriptors_left():
        assert not followed.look()

    assert followed.look()
    assert certificate_of(followed) == SECOND.certificate


def test_a_certificate_is_in_use_when_its_time_has_come(
    followed: FollowedTls, secret: MountedSecret
) -> None:
    """The clock of who issued it was ahead, and it was refused for ever."""
    early = AUTHORITY.issue("cache.test", days=(2.0 / DAY_SECONDS, 1))
    secret.put(AUTHORITY, early)

    while certificate_of(followed) != early.certificate:
        followed.look()


@pytest.mark.parametrize("end", ["the one that is called", "the one that calls"])
async def test_calls_go_on_while_files_are_read(
    followed: FollowedTls, secret: MountedSecret, end: str
) -> None:
    """A disk may be slow, and each pair is tried for 10 ms; here reading waits until it is let."""
    run = followed.run if end == "the one that is called" else client_of(secret).run
    loop, loop_goes_on = asyncio.get_running_loop(), threading.Event()
    secret.put(AUTHORITY, SECOND)
    being_read = secret.certificate.resolve()
    being_read.unlink()
    os.mkfifo(being_read)

    def hold_open() -> bool:
        with being_read.open("wb"):
            loop.call_soon_threadsafe(loop_goes_on.set)
            went_on = loop_goes_on.wait(timeout=10.0)
            secret.put(AUTHORITY, SECOND)
        return went_on

    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(run())
        went_on = await asyncio.to_thread(hold_open)
        job.cancel()

    assert went_on
