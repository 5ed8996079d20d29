"""TLS: whom we trust, and what to say of a certificate that we don't."""

from __future__ import annotations

import os
import re
import ssl
import stat
import sys
from pathlib import Path

from pulsapi_tui.domain.errors import AddressError
from pulsapi_tui.domain.text import clean

MAX_CA_FILE_BYTES = 8 * 1024 * 1024
"""The system's own store is a quarter of a MiB."""

STORE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL takes what they name for the system's store."""

_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep it, for a Python that was built elsewhere."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")

_EXPIRED = frozenset({10, -67818})
_NOT_YET_VALID = frozenset({9, -67819})
_OTHER_NAME = frozenset({62, 64, -67602})
_SELF_SIGNED = frozenset({18})
_UNKNOWN_ISSUER = frozenset({2, 19, 20, 21, -67843})
# Each: OpenSSL's codes (`openssl/x509_vfy.h`), then Apple's (`Security/SecBase.h`).


def client_context(ca_file: str = "", *, platform: str = sys.platform) -> ssl.SSLContext:
    """Trust the system's store, and the certificates of `ca_file` besides.

    TLS 1.2 at least; names are checked. It is no `ssl.create_default_context`, which writes the
    session's secrets to where `SSLKEYLOGFILE` says: with them, a recorder can read the key.

    Raises:
        AddressError: the file can't be used.
    """
    if platform == "darwin":
        # There, only the system itself knows its store. Elsewhere, truststore would load the whole
        # of it again for every connection, which takes as long as twenty requests.
        import truststore

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A certificate that is named is trusted, even if the one that signed it is not.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_system_store(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        _trust_also(context, ca_file)
    return context


def trusting_nobody() -> ssl.SSLContext:
    """For plain http: it trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def check_ca_file(ca_file: str) -> None:
    """Raises `AddressError` where its certificates can't be used."""
    _trust_also(trusting_nobody(), ca_file)


def _load_system_store(context: ssl.SSLContext) -> None:
    context.set_default_verify_paths()
    if any(os.environ.get(name) for name in STORE_VARIABLES):
        return
    default = ssl.get_default_verify_paths()
    if default.cafile or (default.capath and any(Path(default.capath).glob("????????.[0-9]"))):
        return
    for store in _STORES:
        if os.path.isfile(store):
            context.load_verify_locations(cafile=store)
            return


def _trust_also(context: ssl.SSLContext, ca_file: str) -> None:
    data = _read(ca_file)
    certificates = b"\n".join(_PEM.findall(data))
    if not certificates:
        raise _unusable(ca_file, "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).")
    try:
        context.load_verify_locations(cadata=certificates.decode("ascii"))
    except (ssl.SSLError, ValueError):
        pass
    else:
        return
    raise _unusable(ca_file, "holds a certificate that is damaged.")


def _read(ca_file: str) -> bytes:
    """What the file holds; never waits, as for a pipe that nobody writes to."""
    try:
        with open(Path(ca_file).expanduser(), "rb", opener=_open) as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return stream.read(MAX_CA_FILE_BYTES)
        what = "is not a file."
    except (OSError, ValueError, RuntimeError) as error:
        what = f"can't be read: {_reason(error)}."
    raise _unusable(ca_file, what)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return (said or "there can be no such path").lower()


def _unusable(ca_file: str, what: str) -> AddressError:
    return AddressError(
        f"The CA file {clean(ca_file)} {what} Name another one (--ca-file, or ca_file in the "
        "profile), or none."
    )


def certificate_problem(error: ssl.SSLCertVerificationError, whose: str) -> str:
    """A sentence for a certificate that was refused; `whose` is an address of ours.

    Nothing of the certificate is in it: that is a stranger's text.
    """
    code = getattr(error, "verify_code", 0)
    start = f"The certificate of {whose}"
    nothing = "Nothing was sent."
    if code in _EXPIRED:
        return (
            f"{start} has expired. {nothing} Look at this computer's clock; if that is right, the "
            "certificate has to be renewed there."
        )
    if code in _NOT_YET_VALID:
        return f"{start} is not valid yet. {nothing} Look at this computer's clock."
    if code in _OTHER_NAME:
        return (
            f"{start} is for another name: something else answered there. {nothing} Check the "
            "address."
        )
    if code in _SELF_SIGNED:
        reason = "is signed by itself, so that anybody could have made it."
    elif code in _UNKNOWN_ISSUER:
        reason = "is signed by somebody whom this computer does not trust."
    else:
        return f"{start} is not accepted (verification code {code}). {nothing}"
    return (
        f"{start} {reason} {nothing} If you know its CA, name the file of it: --ca-file FILE, or "
        "ca_file in the profile."
    )


def handshake_problem(error: ssl.SSLError | None, whose: str, late: str = "") -> str:
    """A sentence for a TLS connection that could not be made; `late` says within what time."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_problem(error, whose)
    reason = getattr(error, "reason", None) or ""
    if reason in {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}:
        return f"{whose} does not speak TLS: check the address and its port. Nothing was sent."
    if "PROTOCOL" in reason:
        return f"{whose} offers no TLS of version 1.2 or newer. Nothing was sent."
    return f"No TLS connection to {whose} could be made{late}. Nothing was sent."
