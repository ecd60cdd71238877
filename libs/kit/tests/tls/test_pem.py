"""What cannot be used is refused before it is, in words for who has to mend it."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Issued, MountedSecret, PrivateKey, TestAuthority
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from failsoft_kit.startup import StartupError
from failsoft_kit.tls.pem import MAX_BYTES, Pair, PairFiles, TlsFiles, read_pem

AUTHORITY = TestAuthority()
GOOD = AUTHORITY.issue("cache.test")
CLIENTS = AUTHORITY.issue("router.test", for_clients_only=True)


def mounted(folder: Path, issued: Issued, *, key: bytes | None = None) -> MountedSecret:
    secret = MountedSecret(folder / "secret", AUTHORITY, issued)
    if key is not None:
        secret.put(AUTHORITY, issued, key=key)
    return secret


def files(secret: MountedSecret, *, serves: bool = True) -> TlsFiles:
    own = PairFiles(certificate=secret.certificate, key=secret.key)
    return TlsFiles(own=own, authorities=secret.authorities, serves=serves)


def refusal_of(these: TlsFiles) -> str:
    with pytest.raises(StartupError) as refused:
        read_pem(these)
    return str(refused.value)


def test_a_good_pair_is_what_the_files_say(tmp_path: Path) -> None:
    pem = read_pem(files(mounted(tmp_path, GOOD)))

    assert pem.own is not None
    assert (pem.own.certificate, pem.own.key) == (GOOD.certificate, GOOD.key)
    assert pem.authorities == AUTHORITY.pem


def test_a_private_key_never_shows_itself(tmp_path: Path) -> None:
    pem = read_pem(files(mounted(tmp_path, GOOD)))
    assert "PRIVATE KEY" not in repr(pem)


@pytest.mark.parametrize("days", [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
@pytest.mark.parametrize("serves", [True, False])
def test_a_certificate_whose_time_is_not_now_is_refused(
    tmp_path: Path, days: tuple[int, int], serves: bool
) -> None:
    secret = mounted(tmp_path, AUTHORITY.issue("cache.test", days=days))

    refusal = refusal_of(files(secret, serves=serves))

    assert str(secret.certificate) in refusal
    assert ("expired" if days[1] < 0 else "not yet valid") in refusal


@pytest.mark.parametrize("days", [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
def test_authorities_whose_time_is_not_now_are_refused(
    tmp_path: Path, days: tuple[int, int]
) -> None:
    """Nobody could be trusted by them, and every new call would end."""
    secret = mounted(tmp_path, GOOD)
    pem = TestAuthority(days=days).pem
    secret.authorities.write_bytes(pem + pem)

    refusal = refusal_of(files(secret))

    assert str(secret.authorities) in refusal
    assert "good now" in refusal


def test_one_authority_whose_time_is_now_is_enough(tmp_path: Path) -> None:
    """While authorities are replaced the one before stays in the file for a while."""
    secret = mounted(tmp_path, GOOD)
    both = TestAuthority(days=(-3, -1)).pem + AUTHORITY.pem
    secret.authorities.write_bytes(both)

    assert read_pem(files(secret)).authorities == both


def test_a_certificate_that_vouches_for_itself_alone_can_be_trusted(tmp_path: Path) -> None:
    secret = mounted(tmp_path, GOOD)
    secret.authorities.write_bytes(GOOD.certificate)

    assert read_pem(files(secret)).authorities == GOOD.certificate


def test_words_between_authorities_may_be_in_any_language(tmp_path: Path) -> None:
    secret = mounted(tmp_path, GOOD)
    commented = "# Zertifizierungsstelle Büro\n".encode() + AUTHORITY.pem
    secret.authorities.write_bytes(commented)

    assert read_pem(files(secret)).authorities == commented


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    secret = mounted(tmp_path, GOOD, key=AUTHORITY.issue("cache.test").key)

    refusal = refusal_of(files(secret))

    assert "does not fit" in refusal
    assert str(secret.key) in refusal


@pytest.mark.parametrize("serves", [True, False])
@pytest.mark.parametrize(
    "key",
    [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP521R1())],
    ids=["Ed25519", "P-521"],
)
def test_a_key_of_a_kind_that_grpc_does_not_take_is_refused(
    tmp_path: Path, key: PrivateKey, serves: bool
) -> None:
    """Python's OpenSSL takes it; every handshake of gRPC failed with it."""
    secret = mounted(tmp_path, AUTHORITY.issue("cache.test", key=key))

    refusal = refusal_of(files(secret, serves=serves))

    assert str(secret.key) in refusal
    assert "RSA, P-256 or P-384" in refusal


@pytest.mark.parametrize("serves", [True, False])
@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())],
    ids=["RSA", "P-384"],
)
def test_a_key_of_any_other_kind_is_good(tmp_path: Path, key: PrivateKey, serves: bool) -> None:
    secret = mounted(tmp_path, AUTHORITY.issue("cache.test", key=key))
    assert read_pem(files(secret, serves=serves)).own is not None


def test_a_key_that_is_too_small_is_told_so(tmp_path: Path) -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is what is refused
    secret = mounted(tmp_path, AUTHORITY.issue("cache.test", key=small))
    assert "2048 bits" in refusal_of(files(secret))


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    """At a terminal OpenSSL would wait for somebody to type it."""
    secret = mounted(tmp_path, AUTHORITY.issue("cache.test", password=b"secret"))
    assert "without a password" in refusal_of(files(secret))


def test_a_certificate_for_clients_is_none_for_a_server(tmp_path: Path) -> None:
    """No client would take it; to call with, it is as good as any."""
    secret = mounted(tmp_path, CLIENTS)
    assert "purpose" in refusal_of(files(secret, serves=True))
    assert read_pem(files(secret, serves=False)).own is not None


@pytest.mark.parametrize("which", ["ca.crt", "tls.crt", "tls.key"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, which: str) -> None:
    secret = mounted(tmp_path, GOOD)
    (secret.folder / which).unlink()
    assert str(secret.folder / which) in refusal_of(files(secret))


@pytest.mark.parametrize("content", [b"", b"no PEM", b"\xff" * 10, b"x" * (MAX_BYTES + 1)])
@pytest.mark.parametrize("which", ["ca.crt", "tls.crt", "tls.key"])
def test_a_file_of_something_else_is_named(tmp_path: Path, which: str, content: bytes) -> None:
    secret = mounted(tmp_path, GOOD)
    (secret.folder / "..data" / which).write_bytes(content)
    assert str(secret.folder / which) in refusal_of(files(secret))


def test_a_pair_that_is_replaced_while_it_is_read_is_not_taken_for_one(tmp_path: Path) -> None:
    """Its certificate is the old one's and its key the new one's. What is tried is the new pair,
    and the old certificate vouches for that when it brings its authority along."""
    first, second = (with_its_authority(AUTHORITY.issue("cache.test")) for _ in range(2))
    secret = mounted(tmp_path, first)
    key = secret.key.resolve()
    key.unlink()
    os.mkfifo(key)

    def replace_when_it_is_opened() -> None:
        with key.open("wb") as opened:
            secret.put(AUTHORITY, second)
            opened.write(second.key)

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(replace_when_it_is_opened)
        assert "are being replaced" in refusal_of(files(secret))

    assert read_pem(files(secret)).own == Pair(certificate=second.certificate, key=second.key)


def with_its_authority(issued: Issued) -> Issued:
    return replace(issued, certificate=issued.certificate + AUTHORITY.pem)
