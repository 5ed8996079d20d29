"""Whom TLS trusts, and what is said where it can't be made."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trustme

from pulsapi_tui.api import _http, tls
from pulsapi_tui.api.tls import client_context
from pulsapi_tui.domain.errors import AddressError, AnswerLostError, ConnectError
from pulsapi_tui.domain.profiles import Network
from tests.canary import Canary
from tests.contract.certificates import NAMES, Certificates
from tests.contract.deadlines import Deadlines
from tests.contract.support import ACCOUNT, RawServer, cut, page, whole
from tests.contract.taps import Tap, answering, client_on, hanging, tunnelling

OPENSSL_S_STORE = pytest.mark.skipif(
    sys.platform == "darwin", reason="the system checks certificates itself"
)


@pytest.fixture
def canary() -> Canary:
    """The key of the session."""
    return Canary()


async def works(base_url: str, canary: Canary, network: Network) -> bool:
    """Whether a call gets through; it does not where the certificate is not trusted."""
    async with client_on(base_url, canary, network) as client:
        try:
            await client.account()
        except ConnectError as error:
            if "does not trust" not in error.user_message:
                raise
            return False
    return True


# Files of certificates


def _nothing(path: Path) -> None:
    pass


def _unreadable(path: Path) -> None:
    path.write_text("x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root can read it")


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (_nothing, "no such file"),
    "a directory": (Path.mkdir, "is a directory"),
    "a pipe": (os.mkfifo, "is not a file"),
    "unreadable": (_unreadable, "permission denied"),
    "empty": (Path.touch, "no certificate in PEM form"),
    "text": (lambda path: path.write_text("hello"), "no certificate in PEM form"),
    "DER": (
        lambda path: path.write_bytes(
            ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())
        ),
        "no certificate in PEM form",
    ),
    "a key": (
        lambda path: trustme.CA().private_key_pem.write_to_path(path),
        "no certificate in PEM form",
    ),
    "cut": (
        lambda path: path.write_bytes(trustme.CA().cert_pem.bytes()[:-40]),
        "no certificate in PEM form",
    ),
    "damaged": (
        lambda path: path.write_bytes(trustme.CA().cert_pem.bytes().replace(b"M", b"N")),
        "damaged",
    ),
    "no base64": (
        lambda path: path.write_text(
            "-----BEGIN CERTIFICATE-----\n\xe9!?\n-----END CERTIFICATE-----\n"
        ),
        "damaged",
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_ca_file_that_can_t_be_used_is_named(kind: str, tmp_path: Path) -> None:
    make, said = UNUSABLE[kind]
    path = tmp_path / "ca.pem"
    make(path)
    with pytest.raises(AddressError) as caught:
        client_context(str(path))
    assert str(path) in caught.value.user_message
    assert said in caught.value.user_message
    assert "--ca-file" in caught.value.user_message
    assert caught.value.__context__ is None


@pytest.mark.parametrize("path", ["/x\x00y", "/\x1b]52;c;eA==\x07", "~nobody-of-that-name/ca.pem"])
def test_a_path_that_is_none_is_refused_in_one_clean_line(path: str) -> None:
    with pytest.raises(AddressError) as caught:
        client_context(path)
    assert caught.value.user_message.isprintable()


async def test_a_file_of_many_with_comments_is_trusted(
    certificates: Certificates, canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    other, ours = trustme.CA().cert_pem.bytes(), certificates.authority.cert_pem.bytes()
    comment = "# Zertifikate für München\n".encode()
    text = comment + other + b"\r\nOurs:\r\n" + ours.replace(b"\n", b"\r\n")
    (tmp_path / "all.pem").write_bytes(text)
    async with RawServer().listening(tls=certificates.right) as server:
        server.will(whole(200, ACCOUNT))
        assert await works(server.base_url, canary, Network(ca_file="~/all.pem"))
        assert not await works(server.base_url, canary, Network())


@OPENSSL_S_STORE
async def test_a_server_s_own_certificate_is_enough_for_that_server(
    certificates: Certificates, canary: Canary, tmp_path: Path
) -> None:
    authority = trustme.CA()
    named = tmp_path / "named.pem"
    mine, next_ = authority.issue_cert(*NAMES), authority.issue_cert(*NAMES)
    mine.cert_chain_pems[0].write_to_path(named)
    for certificate, is_trusted in ((mine, True), (next_, False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        async with RawServer().listening(tls=context) as server:
            server.will(whole(200, ACCOUNT))
            assert await works(server.base_url, canary, Network(ca_file=str(named))) is is_trusted


# The system's store


@OPENSSL_S_STORE
async def test_the_system_s_store_is_trusted_and_a_file_besides(
    certificates: Certificates, canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_file = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other_file)
    async with RawServer().listening(tls=certificates.right) as server:
        server.will(whole(200, ACCOUNT))
        monkeypatch.setenv("SSL_CERT_FILE", str(other_file))
        assert not await works(server.base_url, canary, Network())
        monkeypatch.setenv("SSL_CERT_FILE", certificates.ca_file)
        assert await works(server.base_url, canary, Network())
        assert await works(server.base_url, canary, Network(ca_file=str(other_file)))


@OPENSSL_S_STORE
async def test_a_store_that_openssl_does_not_know_is_found(
    certificates: Certificates, canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Python was built on another system."""
    nowhere = ssl.DefaultVerifyPaths("", str(tmp_path), "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(tls, "_STORES", ("/nonexistent/ca.pem", certificates.ca_file))
    async with RawServer().listening(tls=certificates.right) as server:
        server.will(whole(200, ACCOUNT))
        for name in tls.STORE_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        assert await works(server.base_url, canary, Network())
        monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
        assert not await works(server.base_url, canary, Network()), "who names one means it"


@pytest.mark.parametrize("kind", ["right", "of an unknown CA", "expired", "another name"])
async def test_the_way_to_a_store_that_only_the_system_knows(
    kind: str, certificates: Certificates, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The context of macOS, as far as it can be had elsewhere: it is of another type."""
    apples = partial(client_context, platform="darwin")
    monkeypatch.setattr(_http, "client_context", apples)
    assert type(apples()) is not type(client_context())
    context = certificates.right if kind == "right" else certificates.wrong[kind]
    async with (
        RawServer().listening(tls=context) as server,
        client_on(server.base_url, canary, certificates.network) as client,
    ):
        server.will(whole(200, ACCOUNT))
        if kind == "right":
            assert (await client.account()).id == "acct_1"
            return
        with pytest.raises(ConnectError, match="The certificate of"):
            await client.create_key("CI", "request-1", 1)
        assert (server.connections, server.requests) == (0, [])


# TLS that can't be made


async def test_an_old_tls_is_refused(certificates: Certificates, canary: Canary) -> None:
    context = certificates.server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with RawServer().listening(tls=context) as server:
        server.will(whole(200, ACCOUNT))
        async with client_on(server.base_url, canary, certificates.network) as client:
            with pytest.raises(ConnectError, match="No TLS connection to"):
                await client.account()
        assert (server.connections, server.requests) == (0, [])


async def test_tls_1_2_will_do(certificates: Certificates, canary: Canary) -> None:
    context = certificates.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with RawServer().listening(tls=context) as server:
        server.will(whole(200, ACCOUNT))
        assert await works(server.base_url, canary, certificates.network)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
        (b"\xff" * 64, "does not speak TLS"),
        (b"", "No TLS connection to"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "No TLS connection to"),
        (b"\x15\x03\x01\x00\x02\x02\x46", r"no TLS of version 1\.2 or newer"),
        (b"\x16\x03\x03\x00\x10", "No TLS connection to"),
    ],
)
async def test_a_server_without_tls_gets_nothing(answer: bytes, said: str, canary: Canary) -> None:
    async with Tap(answering(answer)).listening() as server:
        base_url = f"https://127.0.0.1:{server.port}"
        async with client_on(base_url, canary, Network()) as client:
            with pytest.raises(ConnectError, match=said) as caught:
                await client.create_key("CI", "request-1", 1)
        assert base_url in caught.value.user_message
        assert not canary.found_in(bytes(server.heard))


async def test_a_handshake_that_hangs_has_sent_nothing(
    canary: Canary, deadlines: Deadlines
) -> None:
    async with Tap(hanging(b"", deadlines.come)).listening() as server:
        base_url = f"https://127.0.0.1:{server.port}"
        async with client_on(base_url, canary, Network(), deadline_s=7.0) as client:
            with pytest.raises(ConnectError, match="within 7 s"):
                await client.create_key("CI", "request-1", 1)
            async with asyncio.timeout(20):
                await server.was_left.wait()


# What was sent counts as sent


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by a proxy"])
async def test_a_create_that_is_cut_may_have_been_done(
    by_proxy: bool, certificates: Certificates, canary: Canary
) -> None:
    async with (
        RawServer().listening(tls=certificates.right) as server,
        Tap(tunnelling()).listening() as proxy,
    ):
        way = f"http://127.0.0.1:{proxy.port}" if by_proxy else ""
        network = Network(certificates.ca_file, way)
        async with client_on(f"https://127.0.0.1:{server.port}", canary, network) as client:
            for connection_is_new in (True, False):
                if not connection_is_new:
                    server.will(whole(200, page()))
                    await client.list_keys()
                server.will(cut(b""))
                with pytest.raises(AnswerLostError):
                    await client.create_key("CI", "request-1", 1)
        assert [request.method for request in server.requests] == ["POST", "GET", "POST"]
        assert server.connections == 2


async def test_an_end_by_a_tls_alert_is_an_answer_that_was_lost(
    certificates: Certificates, canary: Canary
) -> None:
    """A server that wants a certificate of ours says so after our handshake."""
    context = certificates.server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.ca_file)
    async with RawServer().listening(tls=context) as server:
        server.will(whole(200, ACCOUNT))
        async with client_on(server.base_url, canary, certificates.network) as client:
            with pytest.raises(AnswerLostError):
                await client.create_key("CI", "request-1", 1)
        assert server.requests == []


async def test_a_tls_stream_that_is_damaged_is_an_answer_that_was_lost(
    certificates: Certificates, canary: Canary
) -> None:
    async with RawServer().listening(tls=certificates.right) as server:
        server.will(whole(200, ACCOUNT))

        async def spoil(
            tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            """Hand on what is said until the request, and answer that with nonsense."""
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                back_writer.write(await tap.hear(reader.read(65536)))
                hello = await back_reader.read(65536)
                writer.write(hello)
                await tap.hear(reader.read(65536))
                writer.write(b"\x17\x03\x03\x00\x20" + b"\x00" * 32)
                await writer.drain()
                await tap.hear(reader.read(65536))
            finally:
                back_writer.close()
                await back_writer.wait_closed()

        async with Tap(spoil).listening() as wire:
            base_url = f"https://127.0.0.1:{wire.port}"
            async with client_on(base_url, canary, certificates.network) as client:
                with pytest.raises(AnswerLostError):
                    await client.create_key("CI", "request-1", 1)
