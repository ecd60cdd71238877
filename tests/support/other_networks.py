"""What stands between a router and a provider in other people's networks."""

import asyncio
import base64
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(slots=True, kw_only=True)
class ConnectProxy:
    """An HTTP proxy that tunnels to one place, whatever name it is asked for.

    Attributes:
        leads_to: The port on this machine that every tunnel ends at.
        wants: `user:password`; None: it lets everybody through.
        asked_for: The `host:port` of each CONNECT.
    """

    leads_to: int
    wants: str | None = None
    asked_for: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            self.asked_for.append(head[0].split(" ")[1])
            if not self._lets_through(head):
                writer.write(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
                )
                await writer.drain()
                return
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _join(reader, writer, self.leads_to)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _lets_through(self, head: list[str]) -> bool:
        if self.wants is None:
            return True
        shown = "Basic " + base64.b64encode(self.wants.encode()).decode()
        return any(line.lower() == f"proxy-authorization: {shown}".lower() for line in head)


@asynccontextmanager
async def connect_proxy(*, leads_to: int, wants: str | None = None) -> AsyncIterator[ConnectProxy]:
    """A proxy on loopback while the block runs."""
    proxy = ConnectProxy(leads_to=leads_to, wants=wants)
    async with _listening(proxy.serve) as port:
        proxy.url = f"http://127.0.0.1:{port}"
        yield proxy


@asynccontextmanager
async def tls_front(folder: Path, *, leads_to: int, name: str) -> AsyncIterator[tuple[int, Path]]:
    """A port that speaks TLS as `name` in front of another; also the file of its authority."""
    authority, server = folder / "authority.pem", folder / "server.pem"
    _write_certificates(authority, server, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, leads_to)

    async with _listening(serve, context) as port:
        yield port, authority


@asynccontextmanager
async def _listening(serve: object, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)  # type: ignore[arg-type]
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry bytes both ways; whoever ends first has the other side ended, too."""
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.TaskGroup() as ways:
        ways.create_task(_carry(reader, inner_writer))
        ways.create_task(_carry(inner_reader, writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def _write_certificates(authority: Path, server: Path, name: str) -> None:
    """An authority of our own, and a certificate for `name` and 127.0.0.1 that it vouches for."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    above = _subject("A private authority")
    root = _certificate(above, above, authority_key, authority_key, ca=True, names=())
    names = (x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    leaf = _certificate(_subject(name), above, server_key, authority_key, ca=False, names=names)
    authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    key = server_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server.write_bytes(key + leaf.public_bytes(serialization.Encoding.PEM))


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
    names: tuple[x509.GeneralName, ...],
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())
