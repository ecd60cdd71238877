"""Certificates of our own making, and Secrets with them as the kubelet mounts them."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_PEM = serialization.Encoding.PEM
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


class TestAuthority:
    """Vouches for whatever it is asked to."""

    __test__ = False

    def __init__(self, *, days: tuple[float, float] = (-10, 10)) -> None:
        """
        Args:
            days: From when to when it may vouch, counted from today.
        """
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("A private authority")
        builder = _builder(self._name, self._name, self._key, days=days)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        root = builder.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256())
        self.pem = root.public_bytes(_PEM)

    def issue(
        self,
        *names: str,
        days: tuple[float, float] = (-2, 2),
        for_clients_only: bool = False,
        password: bytes | None = None,
        key: PrivateKey | None = None,
    ) -> Issued:
        """A new pair.

        Args:
            names: DNS names, and URIs, which have a scheme.
            days: From when to when it is good, counted from today.
            password: What its key is locked by; None: nothing.
            key: None: a new one, of P-256.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName(
            [
                x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name)
                for name in names
            ]
        )
        builder = _builder(_name("common-name.test"), self._name, key, days=days)
        builder = builder.add_extension(alternatives, critical=False)
        if for_clients_only:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(usage, critical=False)
        lock = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password)
        )
        return Issued(
            certificate=builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM),
            key=key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, lock),
        )


class MountedSecret:
    """A folder whose files are all exchanged at once: links into `..data`, which is swapped."""

    def __init__(self, folder: Path, authority: TestAuthority, issued: Issued) -> None:
        self.folder = folder
        self._versions = 0
        folder.mkdir()
        self.put(authority, issued)
        for name in ("ca.crt", "tls.crt", "tls.key"):
            (folder / name).symlink_to(Path("..data") / name)

    @property
    def authorities(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    def put(self, authority: TestAuthority, issued: Issued, *, key: bytes | None = None) -> None:
        """Exchange the files.

        Args:
            key: Another one than the certificate's.
        """
        self._versions += 1
        version = self.folder / f"..version-{self._versions}"
        version.mkdir()
        (version / "ca.crt").write_bytes(authority.pem)
        (version / "tls.crt").write_bytes(issued.certificate)
        (version / "tls.key").write_bytes(issued.key if key is None else key)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.replace(self.folder / "..data")


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    *,
    days: tuple[float, float],
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
    )
