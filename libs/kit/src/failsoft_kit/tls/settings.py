"""What the operator can set of TLS; parts of the services' own settings."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from failsoft_kit.settings import Settings


class ServerTlsSettings(Settings):
    """What gRPC ports show to callers, and what callers have to show."""

    certificate_file: Path = Field(
        description="The certificate that gRPC ports show, in PEM, those between it and its"
        " authority after it; followed. Needed with the rest of `tls`."
    )
    key_file: Path = Field(
        description="Its private key, in PEM without a password; followed. Needed with the rest of"
        " `tls`."
    )
    client_ca_file: Path | None = Field(
        default=None,
        description="Who may vouch for callers, in PEM; followed. Every caller then has to show a"
        " certificate of theirs. Unset: callers show none.",
    )
    services: list[str] = Field(
        default=[],
        description="Our own services, by the names in their certificates (DNS or URI), to the"
        " letter: a service has to show one of them, along with the service token where there is"
        " one. Needs `client_ca_file`.",
    )

    @model_validator(mode="after")
    def _can_know_services(self) -> Self:
        if self.services and self.client_ca_file is None:
            raise ValueError("must have `client_ca_file` where it has `services`")
        return self


class ClientTlsSettings(Settings):
    """What calls to our services show, and whom they trust."""

    ca_file: Path = Field(
        description="Who may vouch for our services, in PEM; followed. Needed with the rest of"
        " `client_tls`."
    )
    certificate_file: Path | None = Field(
        default=None,
        description="The certificate that calls show, in PEM; followed. Unset: they show none.",
    )
    key_file: Path | None = Field(
        default=None, description="Its private key, in PEM without a password; followed."
    )

    @model_validator(mode="after")
    def _has_both_or_none(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("must have both of `certificate_file` and `key_file`, or none")
        return self
