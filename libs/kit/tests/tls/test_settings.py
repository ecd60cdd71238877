"""Settings of TLS that cannot work are refused at start, in words."""

from pathlib import Path

import pytest
from tls_stage import TlsStage

from failsoft_kit.service import ServiceSettings, address_field, drain_field
from failsoft_kit.settings import SettingsError, load
from failsoft_kit.startup import StartupError
from failsoft_kit.tls.settings import ClientTlsSettings


class Everything(ServiceSettings):
    """Of a service that is called and calls."""

    address: str = address_field("127.0.0.1:0")
    drain: float = drain_field(1.0)
    client_tls: ClientTlsSettings | None = None


def loaded(folder: Path, text: str) -> Everything:
    file = folder / "settings.yaml"
    file.write_text(text)
    return load(Everything, section="service", file=file, environ={})


@pytest.mark.parametrize(
    ("section", "missing"),
    [
        ("tls: {certificate_file: a}", "key_file"),
        ("tls: {certificate_file: a, key_file: b, services: [router]}", "client_ca_file"),
        ("client_tls: {certificate_file: a, key_file: b}", "ca_file"),
        ("client_tls: {ca_file: a, certificate_file: b}", "key_file"),
    ],
)
def test_half_of_it_is_refused_and_the_other_half_named(
    tmp_path: Path, section: str, missing: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, f"service: {{{section}}}")
    assert missing in str(refused.value)


def test_without_it_there_is_none(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "service: {}")
    assert settings.server_tls() is None
    assert settings.health_listeners(section="service") == ()


def test_a_service_does_not_start_with_a_certificate_that_is_none(
    tmp_path: Path, stage: TlsStage
) -> None:
    secret = stage.server
    text = f"tls: {{certificate_file: {secret.authorities}, key_file: {secret.key}}}"
    settings = loaded(tmp_path, f"service: {{{text}}}")
    with pytest.raises(StartupError) as refused:
        settings.server_tls()
    assert str(secret.key) in str(refused.value)
