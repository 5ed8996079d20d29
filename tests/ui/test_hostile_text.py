"""Text that is not ours: drawn as it is, nothing fired, columns where they belong."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from textual.widgets import Button

from pulsapi_tui.api import _wire
from pulsapi_tui.domain.errors import InvalidNameError, UnavailableError
from pulsapi_tui.domain.models import Account, CreatedKey
from pulsapi_tui.domain.ports import KeyPage, KeyPages, PageSeen
from tests.seeded import SeededService
from tests.thorough import thorough
from tests.ui.support import Story, connector_of, story_of

OSC_52 = "\x1b]52;c;RVZJTA==\x07"
HOSTILE = {
    "closing tag": "[/x]",
    "action": "[@click=app.quit]x[/]",
    "looks like a tag": "prod [v2]",
    "link": "[link=http://evil.example]x",
    "style": "[bold red]x[/]",
    "variable": "[$error]x",
    "escape and clipboard": f"A{OSC_52}B",
    "c1": "a\x9b31mb\x9d52;c;eA==\x9c",
    "title": "\x1b]0;owned\x1b\\",
    "null and bell": "a\x00b\x07c",
    "right to left": "abc\u202etxt.exe",
    "isolate": "\u2067abc\u2069",
    "zero width": "a\u200bb\ufeffc",
    "tags": "a\U000e0041\U000e0042b",
    "line separators": "a\u2028b\u2029c\nd\te",
    "combining": "a" + "\u0301" * 40,
    "wide": "漢字" * 32,
    "emoji": "🚀 deploy 🔑",
    "family": "👩\u200d👩\u200d👧 team",
    "flag": "🇩🇪 Berlin",
    "right-to-left script": "مفتاح",
    "rich escape": "\\[/x]",
}


def _wire_key(number: int, name: str) -> dict[str, object]:
    return {
        "id": f"key_{number}",
        "name": name,
        "hint": name[-4:],
        "created_at": "2026-11-01T10:00:00Z",
        "last_used_at": None,
    }


class HostileService(SeededService):
    """Answers with hostile text in every field, decoded as the client decodes it."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        wire = [_wire_key(number, name) for number, name in enumerate(names)]
        page = json.dumps({"data": wire, "next_cursor": None, "total": len(wire)}).encode()
        self._page = _wire.decode_key_page(page, None)
        self._account = json.dumps(
            {
                "id": "acc",
                "email": names[0],
                "display_name": names[0],
                "timezone": names[0],
                "plan": "pro",
                "role": "owner",
                "authenticated_key_id": "key_session",
                "capabilities": [],
            }
        ).encode()

    async def account(self) -> Account:
        return _wire.decode_account(self._account)

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        return KeyPages((KeyPage(self._page.keys, None, None, len(self._page.keys)),))

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        wire = {**_wire_key(99, self._page.keys[0].name), "key": "a-secret-of-its-own"}
        return _wire.decode_created_key(json.dumps(wire).encode())

    async def revoke_key(self, key_id: str) -> None:
        raise InvalidNameError(f"No: {self._page.keys[0].name}", status=422)


def assert_nothing_raw(text: str) -> None:
    """No control, format or bidi character stands on the screen, but joiners of emoji."""
    for char in text:
        if char in "\n\u200d":
            continue
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}, repr(char)


WALKED = ("action", "escape and clipboard", "right to left", "wide")
"""Through every dialog, also in the normal run."""


async def test_the_table_and_the_details_draw_each_of_them() -> None:
    service = HostileService(*HOSTILE.values())
    async with story_of(connector_of(service), size=(120, 40)) as story:
        await story.shows(f"{len(HOSTILE)} keys")
        for key in (await service.list_keys()).keys:
            await story.put_cursor_on(key.name)
            await story.until(lambda: story.at_cursor.id in story.text, "the details of it")
            assert any(key.name in label for label in story.labels)
            assert_nothing_raw(story.text)


@pytest.mark.parametrize(
    "label", [*WALKED, *thorough(label for label in HOSTILE if label not in WALKED)]
)
async def test_every_place_that_draws_a_name(label: str) -> None:
    name = HOSTILE[label]
    service = HostileService(name, "harmless")
    shown = (await service.list_keys()).keys[0].name
    async with story_of(connector_of(service), size=(80, 24)) as story:
        await story.shows("2 keys")
        await story.put_cursor_on(shown)
        await _walk_everywhere(story, shown)
        assert story.app.is_running


async def _walk_everywhere(story: Story, shown: str) -> None:
    visible = shown[:12]

    async def expect() -> None:
        await story.shows(visible)
        assert_nothing_raw(story.text)
        for toast in story.toasts:
            assert_nothing_raw(toast)

    await expect()
    await story.press("enter")
    await expect()
    await story.press("escape", "y")
    await story.until(lambda: any(visible in toast for toast in story.toasts), "a toast")
    await expect()
    await story.press("X")
    await expect()
    await story.press("tab", "enter")
    await story.shows("Revoked 0 of 1")
    await expect()
    await story.press("escape", "n", "x", "enter")
    await story.shows("Shown this once")
    await expect()
    await story.discard()
    await story.shows("It could not be revoked")
    await expect()


async def test_markup_runs_no_action_when_clicked() -> None:
    async with story_of(connector_of(HostileService(HOSTILE["action"], "b"))) as story:
        await story.shows(HOSTILE["action"])
        line = next(
            number
            for number, text in enumerate(story.text.splitlines())
            if "[@click=app.quit]x[/]" in text
        )
        for column in range(2, 24, 3):
            await story.pilot.click(offset=(column, line))
            if not story.keys_screen.is_active:
                await story.press("escape")
        await story.press("y")
        await story.until(lambda: story.toasts, "a toast")
        await story.pilot.click("Toast")
        assert story.app.is_running


async def test_columns_stay_aligned() -> None:
    service = HostileService(*HOSTILE.values())
    async with story_of(connector_of(service), size=(100, 40)) as story:
        await story.shows(f"{len(HOSTILE)} keys")
        await story.shows("Created ▼")
        lines = story.text.splitlines()
        header = next(line for line in lines if "Created ▼" in line)
        column = header.index("Created")
        rows = [line for line in lines if "never used" in line and "ago" in line]
        assert len(rows) >= len(HOSTILE)
        for row in rows[: len(HOSTILE)]:
            before = row[: row.index(" ago")].rpartition("  ")[0]
            assert cell_len(before) + 2 == column, row


async def test_typed_names_and_errors_are_literal() -> None:
    class Refusing(SeededService):
        async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
            raise UnavailableError("[/x] [@click=app.quit]no[/]", status=503)

    async with story_of(connector_of(Refusing())) as story:
        await story.shows("12 keys")
        await story.press("n")
        await story.paste("[/x] [@click=app.quit]y[/]")
        await story.press("enter")
        await story.shows("[/x] [@click=app.quit]no[/]")
        [button] = story.app.screen.query(Button)
        assert str(button.label) == "Close"


async def test_times_from_the_future_and_the_far_past() -> None:
    service = HostileService("a")
    wire = {
        **_wire_key(1, "old"),
        "created_at": "0001-01-01T00:00:00Z",
        "last_used_at": "9999-12-31T23:59:59Z",
    }
    service._page = _wire.decode_key_page(  # noqa: SLF001
        json.dumps({"data": [wire], "next_cursor": None, "total": 1}).encode(), None
    )
    assert service._page.keys[0].created_at == datetime(1, 1, 1, tzinfo=UTC)  # noqa: SLF001
    async with story_of(connector_of(service)) as story:
        await story.shows("old")
        await story.press("enter")
        await story.shows("key_1")
