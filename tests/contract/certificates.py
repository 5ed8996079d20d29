"""Certificates for a server on loopback: right ones, and wrong ones of every kind."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import trustme

from pulsapi_tui.domain.profiles import Network

NAMES = ("127.0.0.1", "localhost")


class Certificates(NamedTuple):
    """The contexts of servers, for a client that trusts `ca_file`."""

    right: ssl.SSLContext
    wrong: dict[str, ssl.SSLContext]
    ca_file: str
    authority: trustme.CA

    def server(self) -> ssl.SSLContext:
        """Another context of a right server, to be changed."""
        return _server(self.authority.issue_cert(*NAMES))

    @property
    def network(self) -> Network:
        """To trust them."""
        return Network(ca_file=self.ca_file)


def make_certificates(directory: Path) -> Certificates:
    """Make them all; their files lie in that directory."""
    ours, stranger = trustme.CA(), trustme.CA()
    now = datetime.now(UTC)
    day = timedelta(days=1)
    ca_file = directory / "ca.pem"
    ours.cert_pem.write_to_path(ca_file)
    unknown = stranger.issue_cert(*NAMES)
    whole_chain = _server(unknown)
    # A server that sends its CA, too, as if that made it known.
    chain_file = directory / "chain.pem"
    chain_file.write_bytes(
        b"".join(each.bytes() for each in (*unknown.cert_chain_pems, stranger.cert_pem))
        + unknown.private_key_pem.bytes()
    )
    whole_chain.load_cert_chain(chain_file)
    return Certificates(
        right=_server(ours.issue_cert(*NAMES)),
        wrong={
            "expired": _server(
                ours.issue_cert(*NAMES, not_before=now - 2 * day, not_after=now - day)
            ),
            "not yet valid": _server(
                ours.issue_cert(*NAMES, not_before=now + day, not_after=now + 2 * day)
            ),
            "another name": _server(ours.issue_cert("pulsapi.test", "*.pulsapi.test")),
            "another address": _server(ours.issue_cert("127.0.0.3", "::2")),
            "signed by itself": _by_itself(stranger, directory / "self.pem"),
            "of an unknown CA": _server(unknown),
            "of an unknown CA, with its chain": whole_chain,
        },
        ca_file=str(ca_file),
        authority=ours,
    )


def _server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _by_itself(authority: trustme.CA, path: Path) -> ssl.SSLContext:
    path.write_bytes(authority.cert_pem.bytes() + authority.private_key_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
