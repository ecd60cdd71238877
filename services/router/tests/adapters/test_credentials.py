"""Keys are read where the policy says, again when they change, and never shown."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from failsoft_kit.identity import ServiceToken
from failsoft_kit.identity.rotation import HOLD_BACK_SECONDS
from failsoft_router.adapters.credentials import LOOK_AGAIN, ShownToken, credential
from failsoft_router.core.policy import CredentialSource
from failsoft_router.ports import Credential

KEY = "sk-canary"


@dataclass
class Clock:
    """Time that the test moves."""

    time: float = 1000.0

    def now(self) -> float:
        return self.time

    def unix(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key"


def of_file(file: Path, clock: Clock) -> Credential:
    return credential(CredentialSource(file=str(file)), clock=clock, environ={})


def of_env(text: str | None) -> Credential:
    environ = {} if text is None else {"KEY": text}
    return credential(CredentialSource(env="KEY"), clock=Clock(), environ=environ)


def test_a_key_is_a_file_without_the_space_around_it(file: Path, clock: Clock) -> None:
    file.write_text(f"\n {KEY}\n\n")

    assert of_file(file, clock).value() == KEY


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"\xff\xfe",
        "schlüssel".encode(),
        b"two words",
        b"two\nlines",
        b"nul\0",
        b"a\x7f",
    ],
)
def test_a_file_without_a_usable_key_is_no_key(file: Path, clock: Clock, content: bytes) -> None:
    """A header can only carry printable ASCII; a line end in one is a second header."""
    file.write_bytes(content)

    assert of_file(file, clock).value() is None


def test_a_missing_file_is_no_key_until_it_comes(file: Path, clock: Clock) -> None:
    key = of_file(file, clock)
    assert key.value() is None

    file.write_text(KEY)
    assert key.value() is None
    clock.time += LOOK_AGAIN

    assert key.value() == KEY


def test_a_folder_is_no_key(tmp_path: Path, clock: Clock) -> None:
    assert of_file(tmp_path, clock).value() is None


def test_a_path_that_can_be_none_is_no_key(clock: Clock) -> None:
    """YAML can say a zero byte, and Python raises a ValueError for it: every walk broke."""
    assert of_file(Path("keys/\0"), clock).value() is None


def test_a_rotated_key_is_picked_up_without_a_restart(file: Path, clock: Clock) -> None:
    file.write_text(KEY)
    key = of_file(file, clock)
    assert key.value() == KEY

    file.write_text("sk-another")
    clock.time += LOOK_AGAIN

    assert key.value() == "sk-another"


def test_a_key_of_the_same_length_that_is_moved_into_place_is_picked_up(
    file: Path, clock: Clock
) -> None:
    """As Kubernetes does it: another file under the old name, perhaps of the same second."""
    file.write_text("sk-one")
    key = of_file(file, clock)
    assert key.value() == "sk-one"
    other = file.with_name("new")
    other.write_text("sk-two")
    seen = file.stat().st_mtime_ns
    os.utime(other, ns=(seen, seen))
    other.replace(file)
    clock.time += LOOK_AGAIN

    assert key.value() == "sk-two"


def test_a_key_that_is_taken_away_is_gone(file: Path, clock: Clock) -> None:
    file.write_text(KEY)
    key = of_file(file, clock)
    assert key.value() == KEY

    file.unlink()
    clock.time += LOOK_AGAIN

    assert key.value() is None


@pytest.mark.parametrize(
    ("text", "value"), [(KEY, KEY), (f" {KEY}\n", KEY), ("", None), ("  ", None), (None, None)]
)
def test_a_variable_may_hold_the_key(text: str | None, value: str | None) -> None:
    assert of_env(text).value() == value


def test_the_file_comes_before_the_variable(file: Path, clock: Clock) -> None:
    source = CredentialSource(file=str(file), env="KEY")
    both = credential(source, clock=clock, environ={"KEY": "sk-of-env"})
    assert both.value() == "sk-of-env"

    file.write_text("sk-of-file")
    clock.time += LOOK_AGAIN

    assert both.value() == "sk-of-file"


def test_a_key_hides_itself(file: Path, clock: Clock) -> None:
    file.write_text(KEY)
    source = CredentialSource(file=str(file), env="KEY")
    for each in (
        of_file(file, clock),
        of_env(KEY),
        credential(source, clock=clock, environ={"KEY": KEY}),
    ):
        assert each.value() == KEY
        assert KEY not in repr(each)


@pytest.mark.parametrize("text", ["schlüssel", "two words", "two\r\nlines", "a\x1bb", "\udcff"])
def test_a_variable_without_a_usable_key_is_no_key(text: str) -> None:
    assert of_env(text).value() is None


def test_a_service_token_that_is_replaced_is_another_key(tmp_path: Path, clock: Clock) -> None:
    """So a target that refused the old one is asked as soon as the new one is shown."""
    file = tmp_path / "service-token"
    file.write_text("a" * 32)
    shown = ShownToken(ServiceToken.from_file(file, clock=clock))
    before = shown.value()

    file.write_text("b" * 32)
    clock.time += 2.0
    held_back = shown.value()
    clock.time += HOLD_BACK_SECONDS

    assert before is not None
    assert held_back == before
    assert shown.value() not in (None, before)
