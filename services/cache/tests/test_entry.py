import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_cache.core import entry as entry_module
from failsoft_cache.core.entry import Damaged, Entry, Windows, seal, unseal
from failsoft_cache.core.key import MasterSecret

SECRET = MasterSecret(b"0123456789abcdef0123456789abcdef")
ACME = SECRET.of("acme")
KEY = b"k" * 32
ENTRY = Entry(
    answer=b"the answer",
    created=1_800_000_000.25,
    windows=Windows(fresh_for=300.0, stale_while_revalidate=60.0, stale_if_error=86_400.0),
)
SECONDS = st.floats(min_value=0.0, max_value=1e10)


@given(answer=st.binary(), created=SECONDS, fresh=SECONDS, swr=SECONDS, sie=SECONDS)
def test_what_was_sealed_comes_back_unchanged(
    answer: bytes, created: float, fresh: float, swr: float, sie: float
) -> None:
    windows = Windows(fresh_for=fresh, stale_while_revalidate=swr, stale_if_error=sie)
    entry = Entry(answer=answer, created=created, windows=windows)

    assert unseal(seal(entry, key=KEY, secrets=ACME), key=KEY, secrets=ACME) == entry


def test_damage_at_any_byte_is_noticed() -> None:
    """Also in the times: an old answer must not be made fresh by a flipped bit."""
    sealed = seal(ENTRY, key=KEY, secrets=ACME)

    for position in range(len(sealed)):
        for bit in range(8):
            damaged = bytearray(sealed)
            damaged[position] ^= 1 << bit
            with pytest.raises(Damaged):
                unseal(bytes(damaged), key=KEY, secrets=ACME)


def test_an_entry_cut_at_any_length_is_refused() -> None:
    sealed = seal(ENTRY, key=KEY, secrets=ACME)

    for length in range(len(sealed)):
        with pytest.raises(Damaged):
            unseal(sealed[:length], key=KEY, secrets=ACME)


def test_an_entry_with_something_appended_is_refused() -> None:
    with pytest.raises(Damaged):
        unseal(seal(ENTRY, key=KEY, secrets=ACME) + b"!", key=KEY, secrets=ACME)


def test_an_entry_moved_to_another_key_is_refused() -> None:
    """Who can write to Valkey must not be able to answer one question with another's answer."""
    with pytest.raises(Damaged):
        unseal(seal(ENTRY, key=KEY, secrets=ACME), key=b"o" * 32, secrets=ACME)


def test_an_entry_moved_to_another_tenant_is_refused() -> None:
    with pytest.raises(Damaged):
        unseal(seal(ENTRY, key=KEY, secrets=ACME), key=KEY, secrets=SECRET.of("other"))


def test_an_entry_of_another_schema_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deploy that changes the layout must not misread what the one before left."""
    sealed = seal(ENTRY, key=KEY, secrets=ACME)
    monkeypatch.setattr(entry_module, "SCHEMA", entry_module.SCHEMA + 1)

    with pytest.raises(Damaged):
        unseal(sealed, key=KEY, secrets=ACME)


@pytest.mark.parametrize(
    ("windows", "lifetime"),
    [
        (Windows(), 0.0),
        (Windows(fresh_for=5.0), 5.0),
        (Windows(fresh_for=5.0, stale_while_revalidate=1.0, stale_if_error=10.0), 15.0),
        (Windows(fresh_for=5.0, stale_while_revalidate=10.0, stale_if_error=1.0), 15.0),
        (Windows(stale_if_error=10.0), 10.0),
    ],
)
def test_the_stale_windows_overlap(windows: Windows, lifetime: float) -> None:
    assert windows.lifetime == lifetime
