"""The create that may be repeated, so that a lost answer loses no key (contract.md).

The server has no plaintext to answer a repeat with. So a repeat mints a new secret for the same
record: one record, one live secret, and the secret of the lost answer is dead.
"""

import secrets

from pulsapi_tui.server.auth import MintedKey
from pulsapi_tui.server.problem import idempotency_mismatch, idempotency_stale
from pulsapi_tui.server.rows import KeyRow
from pulsapi_tui.server.store import Transaction

REPEAT_WINDOW_MS = 10 * 60 * 1000


def create_key(
    transaction: Transaction,
    account_id: str,
    name: str,
    minted: MintedKey,
    now_ms: int,
    request: tuple[str, int] | None,
) -> KeyRow:
    """Create a key, or give the key that this `request` (id, attempt) created before a new secret.

    Raises `ProblemError`: `idempotency_mismatch` where the request id was another name's,
    `idempotency_stale` where the attempt is not higher than the last one, 10 minutes have passed,
    or the key was used or revoked.
    """
    earlier = transaction.find_create(account_id, request[0]) if request else None
    if request is None or earlier is None:
        key = KeyRow(
            id=new_key_id(),
            account_id=account_id,
            digest=minted.digest,
            name=name,
            hint=minted.hint,
            created_at=now_ms,
        )
        transaction.add_keys([key])
        if request is not None:
            transaction.add_create(*request, key)
        return key

    if earlier.key.name != name:
        raise idempotency_mismatch()
    request_id, attempt = request
    is_late = now_ms - earlier.created_at > REPEAT_WINDOW_MS
    was_used = earlier.key.last_used_at is not None
    if attempt <= earlier.attempt or is_late or was_used or earlier.is_revoked:
        raise idempotency_stale()
    transaction.replace_secret(request_id, attempt, earlier.key, minted.digest, minted.hint)
    return earlier.key


def new_key_id() -> str:
    """An id for a key: random, so that it tells nothing of how many there are."""
    return f"key_{secrets.token_hex(8)}"
