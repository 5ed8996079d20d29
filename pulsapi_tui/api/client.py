"""PulsAPI's keys, typed: one method for each call of the contract."""

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import quote

from pulsapi_tui import __version__
from pulsapi_tui.api import _wire
from pulsapi_tui.api._http import Answer, Transport
from pulsapi_tui.api._problems import problem_error
from pulsapi_tui.api._retry import MAX_TRIES, RetryBudget, may_pass, retry_delay_s
from pulsapi_tui.api.origin import check_base_url
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.errors import BadAnswerError, PulsapiError
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey, Service
from pulsapi_tui.domain.ports import Clock, KeyPage, KeyPages, PageSeen, RetryNotice
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret

PAGE_SIZE = 1_000
"""The largest page of the contract; a request costs more than a thousand keys."""

MAX_PAGES = 10_000
"""A server that never ends its listing is not followed for ever."""

MAX_LISTING_BYTES = 256 * 1024 * 1024
"""For all pages together; a million keys take less."""

MAX_LISTING_S = 600.0
"""The same, in time: 100,000 keys take a second, and minutes by a bad line."""

DEADLINE_S = 10.0
"""For one exchange, by the clock on the wall; a retry has its own."""


class PulsApiClient:
    """The real `KeyService`.

    Every call raises `PulsapiError` and nothing else. `retrying` is told before each wait for a
    repeated GET or DELETE; a create is sent once a call. In an outage, nothing is repeated.
    `hear_time` gets the Date of each answer that is one.
    """

    def __init__(
        self,
        base_url: str,
        credential: Secret,
        clock: Clock,
        *,
        network: Network | None = None,
        retrying: Callable[[RetryNotice], None] | None = None,
        hear_time: Callable[[str], None] = lambda _: None,
        deadline_s: float = DEADLINE_S,
        rng: random.Random | None = None,
    ) -> None:
        self._origin = check_base_url(base_url)
        self._credential = check_credential(credential)
        self._transport = Transport(
            self._origin, self._credential, version=__version__, network=network
        )
        self._clock = clock
        self._retrying = retrying
        self._hear_time = hear_time
        self._deadline_s = deadline_s
        self._rng = rng or random.Random()  # noqa: S311  # jitter, not a secret
        self._budget = RetryBudget()

    @property
    def origin(self) -> str:
        """The base URL."""
        return self._origin

    async def account(self) -> Account:
        """`GET /v1/account`."""
        return await self._account(None)

    async def _account(self, credential: Secret | None) -> Account:
        answer = await self._call("GET", "/v1/account", expect=200, credential=credential)
        return _wire.decode_account(answer.body)

    async def sign_in(self, credential: Secret) -> Account:
        """`GET /v1/account` with another key; from then on, everything with that one."""
        account = await self._account(check_credential(credential))
        self._credential = credential
        self._transport.sign_in(credential)
        return account

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        """`GET /v1/api-keys`, page by page, each with the ETag of that page in `before`.

        The pages of `before` that did not change are taken over as they are.
        """
        known = {} if before is None else _by_cursor(before)
        pages: list[KeyPage] = []
        seen: list[ApiKey] = []
        cursor: str | None = None
        followed: set[str | None] = set()
        size = 0
        began_s = self._clock.monotonic()
        while True:
            page, length = await self._key_page(cursor, known.get(cursor))
            size += length
            late = self._clock.monotonic() - began_s > MAX_LISTING_S
            if size > MAX_LISTING_BYTES or late:
                raise BadAnswerError("The server's list of keys is larger than any can be.")
            pages.append(page)
            followed.add(cursor)
            if page_seen is not None:
                seen.extend(page.keys)
                page_seen(seen, page.total)
            cursor = page.next_cursor
            if cursor is None:
                return KeyPages(tuple(pages))
            if cursor in followed or len(pages) >= MAX_PAGES:
                raise BadAnswerError("The server's list of keys has no end.")

    async def _key_page(self, cursor: str | None, known: KeyPage | None) -> tuple[KeyPage, int]:
        """A page, and the bytes that were read for it."""
        params = {"limit": str(PAGE_SIZE)}
        if cursor is not None:
            params["cursor"] = cursor
        headers = {"If-None-Match": known.etag} if known is not None and known.etag else {}
        answer = await self._call(
            "GET", "/v1/api-keys", expect=200, also=304, params=params, headers=headers
        )
        if answer.status == 304:
            if known is None:
                raise BadAnswerError("The server says that nothing changed since never.")
            return known, 0
        page = _wire.decode_key_page(answer.body, _sendable(answer.headers.get("etag")))
        return page, len(answer.body)

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        """`POST /v1/api-keys`, sent once."""
        answer = await self._call(
            "POST",
            "/v1/api-keys",
            expect=201,
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": request_id,
                "Idempotency-Attempt": str(attempt),
            },
            content=_wire.encode_new_key(name),
        )
        return _wire.decode_created_key(answer.body)

    async def revoke_key(self, key_id: str) -> None:
        """`DELETE /v1/api-keys/{id}`."""
        await self._call("DELETE", f"/v1/api-keys/{quote(key_id, safe='')}", expect=204)

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        """`GET /v1/services`, with another key where one is given.

        That one may have been read from a file: it is checked before httpx could print it.
        """
        if credential is not None:
            check_credential(credential)
        answer = await self._call("GET", "/v1/services", expect=200, credential=credential)
        return _wire.decode_services(answer.body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        expect: int,
        also: int | None = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        credential: Secret | None = None,
    ) -> Answer:
        tries = 0
        doubt: PulsapiError | None = None
        while True:
            tries += 1
            try:
                answer = await self._transport.exchange(
                    method,
                    path,
                    deadline_s=self._deadline_s,
                    params=params,
                    headers=headers,
                    content=content,
                    credential=credential,
                )
                if answer.status in {expect, also}:
                    self._hear_time(answer.headers.get("date", ""))
                    self._budget.answered(tries)
                    return answer
                if answer.status < 400:
                    raise BadAnswerError(
                        f"PulsAPI answered with status {answer.status}, which means nothing here."
                    )
                raise problem_error(answer, self._clock.now(), credential or self._credential)
            except PulsapiError as error:
                wait_s = self._wait_s(method, error, tries)
                if wait_s is None:
                    if doubt is not None and not error.may_have_acted:
                        # What an earlier try may have done, a later no does not undo.
                        raise doubt from None
                    raise
                if method == "DELETE" and error.may_have_acted:
                    doubt = error
                if self._retrying is not None:
                    self._retrying(RetryNotice(error.user_message, wait_s, tries + 1))
            await self._clock.sleep(wait_s)

    def _wait_s(self, method: str, error: PulsapiError, tries: int) -> float | None:
        """Seconds to the next try, or None where there is none, or it can't be afforded."""
        if tries == MAX_TRIES and may_pass(error):
            self._budget.exhausted()
        wait_s = retry_delay_s(method, error, tries, self._rng)
        return wait_s if wait_s is not None and self._budget.take() else None


def _by_cursor(pages: KeyPages) -> dict[str | None, KeyPage]:
    """The pages by the cursor that each was asked for with."""
    cursors = (None, *(page.next_cursor for page in pages.pages))
    return dict(zip(cursors, pages.pages, strict=False))


def _sendable(etag: str | None) -> str | None:
    """An ETag that can be sent back, or None."""
    return etag if etag and etag.isascii() and etag.isprintable() and len(etag) <= 200 else None
