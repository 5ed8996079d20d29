"""Keys: how one is made, checked and recognized. Nothing here touches the database.

A key is `local_`, 43 base62 characters (256 bits) and 6 base62 characters of CRC-32 over what
stands before them. The checksum turns typing errors and random strings away before the database is
asked; it protects nothing. Only the SHA-256 digest is stored: the key has 256 random bits, so a
slow password hash would add nothing but time.
"""

import hashlib
import secrets
import zlib
from collections.abc import Sequence

PREFIX = "local_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARS = 43
_CHECKSUM_CHARS = 6
_KEY_CHARS = len(PREFIX) + _RANDOM_CHARS + _CHECKSUM_CHARS


class MintedKey:
    """A new key, on its way to the one answer that shows it; its repr is redacted."""

    __slots__ = ("digest", "hint", "secret")

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.digest = digest_of(secret)
        self.hint = secret[-4:]

    def __repr__(self) -> str:
        return "MintedKey(<redacted>)"


def mint_key() -> MintedKey:
    """Make a key from 256 random bits of the operating system."""
    return assemble_key(secrets.token_bytes(32))


def assemble_key(random_bytes: bytes) -> MintedKey:
    """Make the key of these 32 bytes; only tests and screenshots pass bytes that are not random."""
    stem = PREFIX + _base62(int.from_bytes(random_bytes), _RANDOM_CHARS)
    return MintedKey(stem + _checksum(stem))


def digest_of(secret: str) -> bytes:
    """The SHA-256 digest by which a key is stored and found."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def digest_from_header(values: Sequence[str]) -> bytes | None:
    """The digest of the key in the Authorization header, or None where there is no key in it.

    `values` are all Authorization headers of the request: more than one is refused, since two
    readers could take different ones.
    """
    if len(values) != 1:
        return None
    scheme, _, secret = values[0].partition(" ")
    if scheme.lower() != "bearer" or not is_well_formed(secret):
        return None
    return digest_of(secret)


def is_well_formed(secret: str) -> bool:
    """Whether this has a key's form and checksum; says nothing about whether it exists."""
    if len(secret) != _KEY_CHARS or not secret.startswith(PREFIX) or not secret.isascii():
        return False
    stem = secret[:-_CHECKSUM_CHARS]
    return _checksum(stem) == secret[-_CHECKSUM_CHARS:]


def _checksum(stem: str) -> str:
    return _base62(zlib.crc32(stem.encode("ascii")), _CHECKSUM_CHARS)


_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
"""Two digits a division: the checksum of every request's key is computed."""


def _base62(number: int, width: int) -> str:
    pairs = []
    for _ in range((width + 1) // 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))[-width:]
