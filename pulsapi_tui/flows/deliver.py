"""Bring a key to where it belongs, and try whether it works."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from pulsapi_tui.domain.delivery import PROFILE_WAY, Delivered, Target
from pulsapi_tui.domain.errors import (
    DeliveryError,
    JournalError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.ports import Delivery, Journal, KeyService
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret


def check_profile_target(target: Target, profile: Profile) -> None:
    """Refuse to put a key into another profile than that of the session it was made in.

    It would be sent to that one's server, and the key that stands there would be lost. Raises
    `DeliveryError`.
    """
    if target.way_id == PROFILE_WAY and target.values.get("profile", "").strip() != profile.name:
        raise DeliveryError(
            f"A key of “{profile.name}” can't go into another profile: it would be sent to that "
            "one's server. Choose another place."
        )


_REPLACED = "It would be replaced, and a key that is replaced can't be had again."


def what_is_replaced(held: Secret, keys: Iterable[ApiKey], own_id: str) -> str:
    """What a delivery to where `held` stands takes away, as sentences.

    `keys` are the account's, and `own_id` that of the one which this program signs in with.
    """
    found = [key for key in keys if held.ends_in(key.hint)]
    if not found:
        what = "Something else stands there already, which is no key of this account."
    elif len(found) > 1:
        what = f"A key of this account stands there already, one that ends in …{found[0].hint}."
    elif found[0].id == own_id:
        what = f"“{found[0].name}” (…{found[0].hint}), which this program signs in with, is there."
    else:
        what = f"“{found[0].name}” (…{found[0].hint}) stands there already."
    return f"{what} {_REPLACED}"


async def deliver_key(
    secret: Secret, intent: Intent, target: Target, *, delivery: Delivery, journal: Journal
) -> Delivered:
    """Deliver a key that was just created, and forget its intent once it is stored.

    The journal has the target before anything is written there: a program that ends in between
    leaves word of where to look. Raises `DeliveryError`; the key is then where it was.
    """
    if any(map(secret.stands_in, target.values.values())):
        raise DeliveryError(
            "The key itself stands where a path or a name belongs. Take it out: names are shown, "
            "written down and remembered."
        )
    # Without the note, a crash is told less well; that is no reason not to store the key.
    with suppress(JournalError):
        journal.put(msgspec.structs.replace(intent, target=delivery.preview(target).text))
    delivered = await delivery.deliver(secret, target)
    try:
        journal.remove(intent.request_id)
    except JournalError as error:
        return msgspec.structs.replace(
            delivered,
            message=f"{delivered.message} But it could not be struck off the list of open keys, "
            f"so the next start asks about it: {error.user_message}",
        )
    return delivered


class Tried(msgspec.Struct, frozen=True):
    """What came of a real call with a key."""

    works: bool
    message: str
    """What was asked and what was answered, as a sentence."""
    refused: bool = False
    """It got 401."""


async def try_key(secret: Secret, service: KeyService) -> Tried:
    """Call `GET /v1/services` with that key. Never raises `PulsapiError`.

    Documented by PulsAPI (contract.md); it is the call that keys are made for.
    """
    try:
        services = await service.services(secret)
    except UnauthorizedError:
        return Tried(
            False,
            "PulsAPI answered 401 to GET /v1/services: it does not accept this key.",
            refused=True,
        )
    except PulsapiError as error:
        return Tried(False, f"GET /v1/services with this key failed. {error.user_message}")
    count = f"{len(services)} service{'s' * (len(services) != 1)}"
    return Tried(True, f"It works: GET /v1/services answered 200 with this key, {count}.")
