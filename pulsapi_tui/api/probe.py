"""One request that tells whether PulsAPI is there, whom it takes us for, and its time."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pulsapi_tui import __version__
from pulsapi_tui.api import _wire
from pulsapi_tui.api._http import Answer, Transport
from pulsapi_tui.api._problems import problem_error, sent_at
from pulsapi_tui.api.origin import check_base_url
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.errors import BadAnswerError, PulsapiError
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret


class Probed(NamedTuple):
    """An answer, whatever it says."""

    status: int
    sent_at: datetime | None
    """The server's own clock, to the second; None where it does not tell."""
    outcome: Account | PulsapiError


async def probe(
    base_url: str,
    credential: Secret | None,
    now: datetime,
    *,
    deadline_s: float,
    network: Network | None = None,
) -> Probed:
    """`GET /v1/account`, once; without a credential, no Authorization is sent.

    Raises:
        CredentialError: the credential can't be used.
        AddressError: the base URL, the CA file or the proxy can't be used.
        NetworkError, RedirectError, BadAnswerError: no answer, or none that may be read.
    """
    origin = check_base_url(base_url)
    checked = None if credential is None else check_credential(credential)
    async with Transport(origin, checked, version=__version__, network=network) as transport:
        answer = await transport.exchange("GET", "/v1/account", deadline_s=deadline_s)
    return Probed(answer.status, sent_at(answer.headers), _outcome(answer, now, checked))


def _outcome(answer: Answer, now: datetime, credential: Secret | None) -> Account | PulsapiError:
    if answer.status == 404:
        return BadAnswerError(
            "There is no PulsAPI at this address: it has no account (status 404)."
        )
    if answer.status >= 400:
        return problem_error(answer, now, credential)
    if answer.status != 200:
        return BadAnswerError(
            f"PulsAPI answered with status {answer.status}, which means nothing here."
        )
    try:
        return _wire.decode_account(answer.body)
    except BadAnswerError as error:
        return error
