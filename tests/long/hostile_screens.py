"""Every screen, with a hostile text in all that it draws and pasted into it; what it drew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from textual.widgets import Input

from pulsapi_tui.api import _wire
from pulsapi_tui.config.settings import read_settings
from pulsapi_tui.domain.errors import InvalidNameError, PlanRequiredError, PulsapiError
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Network, Profile, ProfileList
from pulsapi_tui.domain.text import clean
from pulsapi_tui.wiring.hand_off import hand_off
from tests.hostile_text import raw_in
from tests.long.hostile_commands import in_toml
from tests.pictures import PICTURES, SIZE
from tests.seeded import (
    DEMO,
    PROFILES,
    SeededAccounts,
    SeededService,
    StandingClock,
    connector_to,
    hand_off_of,
)
from tests.ui.support import Story, story_of

TO_PASTE = 60
_DELIVERED = {"delivered", "rotate-many"}
"""What is delivered there goes nowhere, so the ways are those of the pictures."""


def _decoded(key: ApiKey, text: str, number: int) -> ApiKey:
    """The key as the client reads it where its name is that text."""
    wire = {**msgspec.to_builtins(key), "name": f"{text}{number}", "hint": text[:4]}
    page = json.dumps({"data": [wire], "next_cursor": None, "total": 1}).encode()
    return _wire.decode_key_page(page, None).keys[0]


class HostileService(SeededService):
    """A seeded service whose every text is the hostile one, decoded as the client decodes it."""

    def __init__(self, seeded: SeededService, text: str) -> None:
        super().__init__()
        vars(self).update(vars(seeded))
        self.rotation = seeded.rotation
        self._text = text
        self._keys = [_decoded(key, text, number) for number, key in enumerate(self._keys)]
        if self.rotation is not None:
            name = clean(text)
            old = msgspec.structs.replace(self.rotation.old, name=name)
            self.rotation = msgspec.structs.replace(self.rotation, old=old, new_name=name)
        if self._refusal is not None:
            self._refusal = self._worded(self._refusal)

    def _worded(self, refusal: PulsapiError) -> PulsapiError:
        body = json.dumps(dict.fromkeys(("detail", "code", "upgrade_url"), self._text)).encode()
        problem = _wire.decode_problem(body)
        if isinstance(refusal, PlanRequiredError):
            refusal.upgrade_url = problem.upgrade_url
        return refusal

    async def account(self) -> Account:
        account = await super().account()
        wire = {**msgspec.to_builtins(account), "email": self._text, "display_name": self._text}
        wire["timezone"] = self._text
        return _wire.decode_account(json.dumps(wire).encode())

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        created = await super().create_key(name, request_id, attempt)
        return msgspec.structs.replace(created, key=_decoded(created.key, self._text, 99))

    async def revoke_key(self, key_id: str) -> None:
        problem = _wire.decode_problem(json.dumps({"detail": self._text}).encode())
        raise InvalidNameError(f"PulsAPI refused the name: {problem.detail}", status=422)


class HostileAccounts(SeededAccounts):
    """Profiles with a text in all that a profile can hold once it was read."""

    def __init__(self, text: str) -> None:
        super().__init__(
            ProfileList(tuple(_profile(each, clean(text)) for each in PROFILES.profiles))
        )
        self._service = HostileService(SeededService(), text)

    async def ask(self, profile: Profile, credential: object) -> Account:
        return await self._service.account()


def _profile(profile: Profile, text: str) -> Profile:
    return msgspec.structs.replace(
        profile,
        base_url=f"https://{text}.example",
        source=CredentialSource(Kept.COMMAND, ("pass", text), f"/{text}"),
        network=Network(f"/{text}", f"http://{text}:1"),
    )


def _settings(folder: Path, text: str) -> Path:
    """The user's settings, with a recipe that says the text everywhere."""
    quoted = in_toml(clean(text))
    path = folder / "config.toml"
    path.write_text(
        f'[[delivery.recipes]]\nid = "own"\nargv = ["cat", {quoted}]\ntitle = {quoted}\n'
        f'note = {quoted}\nfields = [{{ id = "path", label = {quoted}, default = {quoted} }}]\n'
    )
    path.chmod(0o600)
    return path


@dataclass
class Drawn:
    """What the screens drew."""

    screens: int = 0
    pasted: int = 0
    actions: set[str] = field(default_factory=set)
    """What a click on some text would do."""
    links: set[str] = field(default_factory=set)
    raw: dict[str, list[str]] = field(default_factory=dict)
    """By the screen."""

    def look(self, story: Story, where: str) -> None:
        """Take in what is on the screen now."""
        self.screens += 1
        raw = raw_in(story.text.replace("\n", ""))
        for text in story.toasts:
            raw += raw_in(text)
        if raw:
            self.raw[where] = sorted({*raw, *self.raw.get(where, [])})
        for action, link in _reactions(story):
            self.actions.update({action} - {""})
            self.links.update({link} - {""})


def _reactions(story: Story) -> Iterator[tuple[str, str]]:
    """What the text on the screen does when it is clicked: an action of ours, and a link."""
    for strip in story.app.screen._compositor.render_strips():  # noqa: SLF001
        for _, style, _ in strip:
            if style is not None:
                yield str(style.meta.get("@click", "")), style.link or ""


async def draw(folder: Path, text: str, names: Sequence[str]) -> Drawn:
    """Each screen of the pictures with that text; then it is pasted where something is asked.

    Raises AssertionError where the app does not run any more.
    """
    drawn = Drawn()
    own = hand_off(read_settings(_settings(folder, text)))
    for name in names:
        make, act = PICTURES[name]
        service = make()
        connect = None
        if service is not None:
            profile = PROFILES.profiles[0] if name.startswith("produc") else DEMO
            connect = connector_to(HostileService(service, text), _profile(profile, clean(text)))
        async with story_of(
            connect,
            SIZE,
            StandingClock(),
            hand_off_of() if name in _DELIVERED else own,
            accounts=HostileAccounts(text),
        ) as story:
            await _settle(story)
            await act(story.pilot)
            await story.pilot.pause()
            drawn.look(story, name)
            await _paste(story, text)
            drawn.pasted += 1
            drawn.look(story, f"{name}, pasted")
            assert story.app.is_running, f"the app ended at {name}"
        assert not story.app.return_code, f"the app crashed at {name}"
    return drawn


async def _settle(story: Story) -> None:
    await story.until(
        lambda: (
            not story.app.screen.query_one("#state").display
            or "Reading" not in story.static("#state-title")
        ),
        "the list is read",
    )


async def _paste(story: Story, text: str) -> None:
    """Into the field that has the focus, and into every other one on the screen."""
    for each in story.app.screen.query(Input):
        if each.is_on_screen and not each.disabled:
            each.focus()
            await story.paste(text[:TO_PASTE])
    await story.paste(text[:TO_PASTE])
