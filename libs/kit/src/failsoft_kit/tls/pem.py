"""The files of TLS, read and tried before they are used.

A pair is tried by a handshake in memory, in which one end shows it and the other trusts it alone:
what OpenSSL refuses there (a key that does not fit, a time that is over) peers would refuse too.
gRPC brings a TLS of its own, BoringSSL, which knows fewer kinds of keys: they are looked at here.
"""

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from failsoft_kit.startup import StartupError
from failsoft_kit.tls.authorities import trust, try_authorities

MAX_BYTES = 1024 * 1024
"""A file that is larger is none of these."""

_KINDS_OF_KEYS = (
    bytes.fromhex("300d06092a864886f70d0101010500"),
    bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"),
    bytes.fromhex("301006072a8648ce3d020106052b81040022"),
)
"""What a certificate in DER says of its key: RSA (RFC 3279), P-256 and P-384 (RFC 5480). Others,
like Ed25519 and P-521, no peer that speaks gRPC's own TLS takes
(NO_COMMON_SIGNATURE_ALGORITHMS)."""

_ROUNDS = 8
"""A handshake takes each end three steps at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFiles:
    """Where a certificate and its private key are."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where one end of TLS has what it needs.

    Attributes:
        own: What it shows; None: nothing.
        authorities: Who may vouch for peers; None: nobody has to.
        serves: Whether it is the end that is called.
    """

    own: PairFiles | None
    authorities: Path | None
    serves: bool

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        pair = () if self.own is None else (self.own.certificate, self.own.key)
        return pair if self.authorities is None else (*pair, self.authorities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate with its chain, and its private key, in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pem:
    """What the files of one end say; None as in `TlsFiles`."""

    own: Pair | None
    authorities: bytes | None


def read_pem(files: TlsFiles) -> Pem:
    """What the files say, which can be used now.

    Raises:
        StartupError: a file cannot be read, holds nothing of its kind, does not fit the others,
            or its time is over; nothing of what it holds is quoted.
    """
    pem = _contents(files)
    if files.authorities is not None and pem.authorities is not None:
        try_authorities(files.authorities, pem.authorities)
    if files.own is not None and pem.own is not None:
        _try(files.own, pem.own, serves=files.serves)
    if _contents(files) != pem:
        raise StartupError(f"{_names(files)} are being replaced at this moment; try again")
    return pem


def _contents(files: TlsFiles) -> Pem:
    own, authorities = files.own, files.authorities
    pair = None
    if own is not None:
        pair = Pair(certificate=_content(own.certificate), key=_content(own.key))
    return Pem(own=pair, authorities=None if authorities is None else _content(authorities))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StartupError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise StartupError(f"{str(path)!r} is larger than 1 MiB")
    return content


def _try(files: PairFiles, pair: Pair, *, serves: bool) -> None:
    """Show the pair in a handshake, to one who trusts it alone.

    Raises:
        StartupError: it is not a pair, or no peer would take it.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    judge = client if serves else server
    trust(judge, files.certificate, pair.certificate)
    judge.verify_mode = ssl.CERT_REQUIRED
    judge.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for each in (server, client):
        _load(each, files)
    try:
        shown = _shake_hands(server, client, shows_server=serves)
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", None) or error.reason or "no handshake with it"
        raise StartupError(
            f"the certificate in {str(files.certificate)!r} cannot be used: {reason}"
        ) from None
    if not any(kind in shown for kind in _KINDS_OF_KEYS):
        raise StartupError(
            f"the private key in {str(files.key)!r} is of a kind that gRPC does not take: it must"
            " be RSA, P-256 or P-384"
        )


def _load(context: ssl.SSLContext, files: PairFiles) -> None:
    try:
        # Without a password here, OpenSSL would ask for one at the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        match error.reason:
            case "KEY_VALUES_MISMATCH":
                problem = f"does not fit the certificate in {str(files.certificate)!r}"
            case str(reason) if reason.endswith(("_TOO_SMALL", "_TOO_WEAK")):
                problem = f"or its certificate is weaker than RSA of 2048 bits, SHA-256: {reason}"
            case _:
                problem = "cannot be used: it must be PEM, without a password"
        raise StartupError(f"the private key in {str(files.key)!r} {problem}") from None
    except OSError as error:
        raise StartupError(f"{str(files.key)!r} cannot be read: {error.strerror}") from error


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, *, shows_server: bool) -> bytes:
    """The certificate that one of them has shown, in DER.

    Raises:
        ssl.SSLError: one of them refuses the other.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(_ROUNDS):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    judge = ends[0] if shows_server else ends[1]
    return judge.getpeercert(binary_form=True) or b""


def _names(files: TlsFiles) -> str:
    return ", ".join(repr(str(path)) for path in files.paths)
