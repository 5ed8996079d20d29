"""Keys and theme of the user's own: checked before the start, and then really in use."""

from __future__ import annotations

import string
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.app import App
from textual.binding import BindingsMap
from textual.containers import ScrollableContainer
from textual.dom import DOMNode
from textual.keys import _character_to_key
from textual.theme import BUILTIN_THEMES
from textual.widgets import Button, Input, OptionList

from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.command_table import COMMANDS, Command
from pulsapi_tui.ui.commands import key_of, no_key, of, press, use_keys
from pulsapi_tui.ui.key_names import (
    UnknownKeyError,
    is_printable,
    key_name,
    shown_key,
    textual_names,
)
from pulsapi_tui.ui.keymap import (
    DESTRUCTIVE,
    SCOPES,
    WHILE_FILTERING,
    check_keymap,
    textual_keymap,
)
from pulsapi_tui.ui.palette import offers
from pulsapi_tui.ui.screens.create_key import CreateKeyScreen
from pulsapi_tui.ui.screens.help import HelpScreen
from pulsapi_tui.ui.screens.profiles import ProfilesScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen
from pulsapi_tui.ui.themes import DARK, LIGHT, check_theme
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.key_line import KeyLine
from tests.seeded import (
    NoClipboard,
    Rotating,
    SeededAccounts,
    SeededService,
    StandingClock,
    connector_to,
    hand_off_of,
)
from tests.ui.support import FakeClipboard, Story

IDS = {command.id: command for command in COMMANDS}


def listen(app: App[None]) -> list[str]:
    """From now on an action is written down instead of done."""
    heard: list[str] = []

    async def hear(action: str, namespace: DOMNode) -> bool:
        heard.append(action.removeprefix("app."))
        return True

    app.run_action = hear  # type: ignore[method-assign, assignment]
    return heard


async def send(story: Story, keys: Iterable[str]) -> None:
    """Press many keys, without a rest after each; they may be under way still."""
    for key in keys:
        story.app.post_message(events.Key(key, None))
    await story.pilot.pause()


@asynccontextmanager
async def running(
    keymap: dict[str, str] | None = None,
    theme: str = "",
    service: Callable[[], SeededService] = SeededService,
    size: tuple[int, int] = (100, 30),
    empty: bool = False,
) -> AsyncIterator[Story]:
    """The app with those settings, on the keys of the pictures, or on none."""
    app = PulsapiApp(
        connector_to(SeededService(empty=True) if empty else service()),
        SeededAccounts(),
        StandingClock(),
        lambda _: NoClipboard(),
        hand_off_of(),
        keymap=check_keymap(keymap or {}, "config.toml"),
        theme=check_theme(theme, "config.toml"),
    )
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        story = Story(app, pilot, FakeClipboard())
        await story.shows("No API keys yet" if empty else "CI/CD Pipeline")
        yield story


def refused(keymap: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        check_keymap(keymap, "config.toml")
    message = caught.value.user_message
    assert message.startswith("config.toml: [keymap] ")
    assert message.isprintable()
    return message.removeprefix("config.toml: [keymap] ")


# Names of keys


@pytest.mark.parametrize("character", string.ascii_letters + string.digits + string.punctuation)
def test_a_character_is_its_own_name_and_textual_knows_it(character: str) -> None:
    name = key_name(character)
    assert name == _character_to_key(character)
    assert shown_key(name) == character
    assert is_printable(name)


@pytest.mark.parametrize(
    ("written", "name", "shown"),
    [
        ("Ctrl+N", "ctrl+n", "Ctrl+N"),
        ("control + n", "ctrl+n", "Ctrl+N"),
        ("Shift+N", "N", "N"),
        ("shift+ctrl+n", "ctrl+shift+n", "Ctrl+Shift+N"),
        ("Ctrl++", "ctrl+plus", "Ctrl++"),
        ("Ctrl+,", "ctrl+comma", "Ctrl+,"),
        ("Esc", "escape", "Esc"),
        ("PgDn", "pagedown", "PgDn"),
        ("Page Up", "pageup", "PgUp"),
        ("page_up", "pageup", "PgUp"),
        ("Space", "space", "Space"),
        ("Return", "enter", "Enter"),
        ("↓", "down", "↓"),
        ("f12", "f12", "F12"),
        ("question_mark", "question_mark", "?"),
        ("Ctrl+M", "enter", "Enter"),
        ("ctrl+i", "tab", "Tab"),
        ("ctrl+[", "escape", "Esc"),
        ("ö", "ö", "ö"),
    ],
)
def test_names_as_people_write_them(written: str, name: str, shown: str) -> None:
    assert key_name(written) == name
    assert shown_key(name) == shown
    assert key_name(shown) == name


def test_a_capital_is_what_either_kind_of_terminal_sends() -> None:
    assert textual_names("N") == ["N", "shift+n"]
    assert textual_names("ctrl+n") == ["ctrl+n"]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("Ctlr+N", "“Ctrl”"),
        ("escpae", "“Esc”"),
        ("pgdwn", "“PgDn”"),
        ("shift+1", "the character that Shift makes"),
        ("", "as in: n"),
        ("Ctrl+", "as in: n"),
        ("+n", "as in: n"),
        ("n n", "as in: n"),
        ("\x1b", "as in: n"),
        ("<any>", "as in: n"),
        ("no-key-keys.create", "as in: n"),
        ("z" * 10_000, "as in: n"),
    ],
)
def test_what_is_no_key(written: str, hint: str) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        key_name(written)
    assert hint in caught.value.hint


# What is refused


@pytest.mark.parametrize(
    ("keymap", "expected"),
    [
        ({"keys.creat": "n"}, "has no command “keys.creat”; did you mean “keys.create”?"),
        ({"zzz": "n"}, "has no command “zzz”; ids begin with: keys., table., "),
        ({"a\x1b]0;x\x07": "n"}, "has no command"),
        ({"keys.create": "Ctlr+N"}, "“keys.create”: “Ctlr” is no key; did you mean “Ctrl”?"),
        ({"keys.create": "n,"}, "“keys.create”: nothing beside a comma is no key"),
        ({"keys.create": "z" * 1000}, "zzz…” is no key"),
        ({"keys.create": "F2, f2"}, "“keys.create” has F2 twice."),
        ({"keys.create": "Shift+V, V"}, "“keys.create” has V twice."),
        ({"keys.create": "r"}, "“keys.create” and “keys.refresh” both have r."),
        ({"keys.create": "c"}, "“keys.create” and “keys.copy_id” both have c."),
        ({"keys.create": "j"}, "“keys.create” and “table.down” both have j."),
        ({"keys.create": "?"}, "“keys.create” and “app.help” both have ?."),
        ({"keys.create": "Q", "app.quit": "shift+q"}, "“keys.create” and “app.quit” both have Q."),
        ({"reveal.show": "v"}, "“reveal.show” and “reveal.verify” both have v."),
        ({"app.help": "h"}, "“rotate.have_it” and “app.help” both have h."),
        ({"keys.create": "Esc"}, "“keys.create” and “keys.back” both have Esc."),
        ({"keys.create": "Enter"}, "“keys.create” and “keys.details” both have Enter."),
        ({"keys.create": "Tab"}, "“keys.create”: Tab goes to the next field or button."),
        ({"keys.create": "Ctrl+I"}, "Ctrl+I is Tab to a terminal"),
        ({"keys.create": "Ctrl+C"}, "Ctrl+C copies what is selected."),
        ({"keys.create": "Ctrl+Q"}, "Ctrl+Q always quits."),
        ({"reveal.show": "Enter"}, "Enter is for the buttons"),
        ({"rotate.show": "PgDn"}, "PgDn is for the buttons"),
        ({"app.help": "Up"}, "↑ is for the buttons"),
        ({"keys.back": "Esc, b"}, "“keys.back”: b belongs to the filter"),
        ({"keys.details": "Enter, Space"}, "“keys.details”: Space belongs to the filter"),
        ({"keys.back": "Esc, Ctrl+U"}, "“keys.back”: Ctrl+U belongs to the filter"),
        ({"keys.back": ""}, "“keys.back” has to keep Esc, the way back: write “Esc”."),
        ({"reveal.leave": "z"}, "“reveal.leave” has to keep Esc, the way back: write “z, Esc”."),
        ({"rotate.close": "q"}, "“rotate.close” has to keep Esc"),
        ({"keys.details": "F4"}, "“keys.details” has to keep Enter"),
        ({"app.palette": ""}, "“app.palette” can't be without a key"),
        ({"keys.revoke": "Del"}, "“keys.revoke”: Delete is hit too easily"),
        ({"rotate.revoke_old": "Ctrl+H"}, "Ctrl+H is Backspace to a terminal"),
        ({"profiles.remove": "Shift+Delete"}, "Shift+Delete is hit too easily"),
        ({"keys.create": "x"}, "“keys.create” has x and “keys.revoke” X: one of them can't"),
        ({"keys.create": "Ctrl+X"}, "“keys.create” has Ctrl+X and “keys.revoke” X"),
        ({"keys.revoke": "C"}, "“keys.revoke” has C and “keys.copy_id” c"),
        ({"app.help": "x"}, "“app.help” x"),
        ({"keys.clean_up": "N"}, "“keys.clean_up” N"),
    ],
)
def test_refused_with_a_sentence(keymap: dict[str, str], expected: str) -> None:
    if keymap.get("keys.clean_up") == "N":
        # Sorting by name has it; without that, Create is its twin.
        keymap = {**keymap, "keys.sort_name": ""}
        expected = "“keys.create” has n and “keys.clean_up” N"
    message = refused(keymap)
    assert expected in message
    assert len(message) < 250


@pytest.mark.parametrize(
    "keymap",
    [
        {},
        {"keys.create": "r", "keys.refresh": "n"},
        {"keys.create": ","},
        {"keys.create": "Ctrl+,, F2"},
        {"reveal.show": "x"},
        {"keys.clean_up": "W"},
        {"app.quit": "Ctrl+Q"},
        {"app.quit": ""},
        {"keys.mark": ""},
        {"keys.sort_next": "right"},
        {"keys.revoke": "x"},
        {"reveal.leave": "Esc"},
    ],
)
def test_allowed(keymap: dict[str, str]) -> None:
    assert set(check_keymap(keymap, "config.toml")) == set(keymap)


def test_every_command_can_be_given_the_keys_that_it_is_shown_with() -> None:
    for command in COMMANDS:
        shown = command.shown.replace(" ", ",") if command.keys else ""
        changed = check_keymap({command.id: shown}, "config.toml")[command.id]
        assert set(changed.names.split(",")) & set(command.keys.split(",")), command.id


def test_the_rules_know_all_commands_and_places() -> None:
    assert {command.place for command in COMMANDS} == set().union(*SCOPES)
    assert set(IDS) > DESTRUCTIVE
    assert {each.id for each in COMMANDS if "revoke_" in each.action} <= DESTRUCTIVE
    assert {IDS[each].action for each in WHILE_FILTERING} == {"back", "show_details"}


@pytest.mark.parametrize("kind", [Button, OptionList, ScrollableContainer, Dialog])
def test_what_dialogs_need_is_not_free_in_them(kind: type[DOMNode]) -> None:
    for key, _ in BindingsMap(kind.__dict__["BINDINGS"]):
        assert refused({"reveal.show": key})


# In use


def free_keys() -> dict[str, str]:
    """A key for each command that no other one has, nor its twin."""
    harmless = [f"{held}f{number}" for held in ("", "ctrl+", "shift+") for number in range(2, 18)]
    others = [f"f{number}" for number in range(18, 25)]
    return {each.id: (others if each.id in DESTRUCTIVE else harmless).pop(0) for each in COMMANDS}


def keys_with(command_id: str, key: str) -> str:
    """That key for a command, and those that it can't be without."""
    kept = [each for each in IDS[command_id].keys.split(",") if each in {"escape", "enter"}]
    return ", ".join(filter(None, [key, *kept]))


async def _page(story: Story) -> None:
    await story.pilot.pause()


async def _reveal(story: Story) -> None:
    await story.press("n", "a", "enter")
    await story.until(lambda: isinstance(story.app.screen, RevealKeyScreen), "the key")


async def _rotation(story: Story) -> None:
    await story.press("j", "R")
    await story.until(lambda: isinstance(story.app.screen, RotateKeyScreen), "the rotation")


async def _profiles(story: Story) -> None:
    await story.press("p")
    await story.until(lambda: isinstance(story.app.screen, ProfilesScreen), "the profiles")


ROOMS = {
    ("keys", "table", "help", "app"): (SeededService, _page),
    ("reveal", "help"): (SeededService, _reveal),
    ("rotate", "help"): (Rotating, _rotation),
    ("profiles",): (SeededService, _profiles),
}


@asynccontextmanager
async def room(places: tuple[str, ...]) -> AsyncIterator[Story]:
    """The app, where the keys of those places work."""
    service, enter = ROOMS[places]
    async with running(service=service) as story:
        await enter(story)
        yield story


def in_room(places: tuple[str, ...]) -> list[Command]:
    return [command for command in COMMANDS if command.place in places]


def bound_to(story: Story, command: Command) -> set[str]:
    """The keys that a command has on the screen on top, as Textual knows it."""
    active = story.app.screen.active_bindings
    return {key for key, each in active.items() if each.binding.id == command.id}


@pytest.mark.parametrize("places", ROOMS)
async def test_every_command_has_the_new_key_alone(places: tuple[str, ...]) -> None:
    async with room(places) as story:
        commands = in_room(places)
        for command in commands:
            keys = keys_with(command.id, "f5")
            story.app.set_keymap(textual_keymap(check_keymap({command.id: keys}, "")))
            assert bound_to(story, command) == set(keys.split(", ")), command.id
            for other in commands:
                own = set(filter(None, other.keys.split(",")))
                assert other is command or bound_to(story, other) >= own, f"{other.id} lost a key"
            if command.id != "app.palette" and keys_with(command.id, "") == "":
                story.app.set_keymap(textual_keymap(check_keymap({command.id: ""}, "")))
                assert bound_to(story, command) <= {no_key(command.id)}
        # And now all of them, by real presses.
        new = {each.id: free_keys()[each.id] for each in commands}
        keymap = {command_id: keys_with(command_id, key) for command_id, key in new.items()}
        story.app.set_keymap(textual_keymap(check_keymap(keymap, "")))
        heard = listen(story.app)
        await send(story, new.values())
        await story.until(lambda: len(heard) >= len(commands), f"{len(commands)} commands")
        assert sorted(heard) == sorted(command.action for command in commands)
        heard.clear()
        old = {key for command in commands for key in command.keys.split(",")}
        last = commands[-1]
        await send(story, [*(old - {"escape", "enter", "", *new.values()}), new[last.id]])
        await story.until(lambda: last.action in heard, "the last key")
        assert heard == [last.action]


async def test_all_keys_at_once() -> None:
    key = free_keys()
    keymap = {command_id: keys_with(command_id, each) for command_id, each in key.items()}
    async with running(keymap) as story:
        await send(story, [key["table.bottom"], key["table.up"], key["keys.mark"]])
        await story.shows("1 marked")
        assert story.table.cursor_row == 11
        await story.press(key["keys.filter"], *"gr")
        await story.until(lambda: len(story.names) == 2, "filtered")
        await story.press(key["keys.back"])
        await story.until(lambda: len(story.names) == 12, "all again")
        await story.press(key["app.help"])
        assert isinstance(story.app.screen, HelpScreen)
        await story.press(key["app.help"], key["keys.create"], *"nX", "enter")
        await story.shows("Shown this once")
        await story.press(key["reveal.show"])
        await story.shows(story.secret.reveal())
        await story.press("escape", "escape", key["reveal.verify"])
        await story.paste(story.secret.reveal())
        await story.press("enter")
        await story.until(lambda: story.keys_screen.is_active, "closed")
        await story.press(key["app.quit"])
        await story.until(lambda: not story.app.is_running, "quit")


def footer(story: Story) -> dict[str, str]:
    """What the footer shows: labels and their keys."""
    return {hint.label: hint.display for hint in story.app.screen.query_one(KeyLine).hints}


async def test_footer_palette_and_help_show_the_keys() -> None:
    keymap = {
        "keys.create": "Ctrl+N, F2",
        "keys.refresh": "n",
        "keys.filter": "f",
        "keys.copy_id": "",
        "keys.clean_up": "Shift+W",
        "app.quit": "Ctrl+Q",
        "app.help": "F3",
    }
    async with running(keymap, size=(120, 60)) as story:
        await story.until(lambda: "Create" in footer(story), "the footer")
        shown = footer(story)
        assert shown["Create"] == "Ctrl+N"
        assert shown["Filter"] == "f"
        assert shown["Help"] == "F3"
        assert shown["Rotate"] == "R", "as before"
        commands = {each.title: each.help for each in offers(story.keys_screen)}
        assert commands["Create"].endswith("(Ctrl+N F2)")
        assert commands["Clean up"].endswith("(W)")
        assert "(" not in commands["Copy id"]
        assert commands["Quit"].endswith("(Ctrl+Q)")
        assert "Theme" in commands
        await story.press("f3")
        await story.shows("Ctrl+N F2")
        text = story.static("#help-lines")
        assert "\nCtrl+N F2 Create a key" in text
        assert "\nf         Filter" in text
        assert "\nPalette   Copy the id" in text
        await story.press("f3")
        assert story.keys_screen.is_active, "its key closes it, too"
        await story.press("ctrl+c")
        await story.shows("Press Ctrl+Q to quit.")


async def test_keys_swapped_and_the_next_app_with_its_own() -> None:
    async with running({"keys.create": "r", "keys.refresh": "n", "app.quit": "w"}) as story:
        await story.press("n", "q", "ctrl+c")
        assert story.keys_screen.is_active
        await story.shows("Press w to quit.")
        await story.press("r")
        assert isinstance(story.app.screen, CreateKeyScreen)
        await story.press("escape", "ctrl+q")
        await story.until(lambda: not story.app.is_running, "Ctrl+Q always quits")
    async with running() as story:
        assert story.app.theme == DARK.name
        await story.press("r")
        assert story.keys_screen.is_active
        await story.press("n")
        assert isinstance(story.app.screen, CreateKeyScreen)


async def test_the_filter_still_takes_every_printable_key() -> None:
    keymap = {"keys.create": "x", "keys.revoke": "K", "table.up": "up", "app.quit": "w"}
    async with running(keymap) as story:
        await story.press("slash", "x", "w", "a")
        assert story.keys_screen.is_active
        assert story.keys_screen.query_one("#filter", Input).value == "xwa"


def test_texts_name_the_keys_in_use() -> None:
    assert (key_of("keys.create"), press("keys.create")) == ("n", "press n")
    use_keys(check_keymap({"keys.create": "", "keys.rotate": "F2", "reveal.show": ""}, ""))
    try:
        assert key_of("keys.create") == ""
        assert press("keys.create") == "choose “Create” in the palette (Ctrl+P)"
        assert press("keys.rotate") == "press F2"
        assert press("reveal.show") == "use “Show/mask”"
        assert {each.id: each.shown for each in of("keys")}["keys.create"] == "Palette"
    finally:
        use_keys({})


async def test_the_texts_of_the_dialogs_show_the_keys() -> None:
    keymap = {
        "reveal.show": "F5",
        "reveal.copy": "k",
        "reveal.verify": "w",
        "reveal.deliver": "",
        "reveal.leave": "Esc",
        "keys.rotate": "z",
    }
    async with running(keymap) as story:
        await story.press("n", "a", "enter")
        await story.shows("Shown this once")
        labels = [str(button.label) for button in story.app.screen.query(Button)]
        assert labels[:6] == ["F5 Show", "k Copy", "Deliver", "w Verify", "t Try", "Esc Close"]
        await story.press("f5")
        await story.shows("F5 Mask")
        story.app.app_focus = False
        await story.shows("To show it, press F5.")
        await story.press("escape")
        await story.shows("Paste it back (w), deliver it, or discard it")


async def test_the_texts_of_a_rotation_show_the_keys() -> None:
    keymap = {"rotate.revoke_old": "K", "rotate.abandon": "", "keys.rotate": "z"}
    async with running(keymap, service=Rotating) as story:
        await story.shows("To go on, press z on a key.")
        await story.press("j", "z")
        await story.shows("K Revoke old key")
        labels = {str(button.label) for button in story.app.screen.query(Button)}
        assert {"Enter Go on", "K Revoke old key", "Abandon", "Esc Close"} <= labels


async def test_an_empty_list_and_the_footer_without_a_key() -> None:
    async with running({"keys.create": "", "keys.refresh": "F6"}, empty=True) as story:
        await story.shows("choose “Create” in the palette (Ctrl+P).")
        await story.until(lambda: "Quit" in footer(story), "the footer")
        assert "Create" not in footer(story)
    async with running({"keys.create": "F7, F8"}) as story:
        await story.until(lambda: footer(story).get("Create") == "F7", "the footer")
        labels = [command.label for command in COMMANDS if command.label in footer(story)]
        assert list(footer(story)) == labels, "in the order of the commands"


# The theme


async def test_the_theme_of_the_settings_is_used_and_the_palette_changes_it() -> None:
    async with running(theme="nord") as story:
        assert story.app.theme == "nord"
        titles = {each.title for each in offers(story.keys_screen)}
        assert "Theme" in titles
        story.app.action_change_theme()
        await story.until(lambda: "A theme…" in story.text, "the list of themes")
        await story.type("pulsapi-light")
        await story.shows("pulsapi-light")
        await story.press("down", "enter")
        await story.until(lambda: story.app.theme == LIGHT.name, "changed")


def test_a_theme_that_does_not_exist() -> None:
    assert check_theme("", "config.toml") == DARK.name
    for name in (DARK.name, LIGHT.name, *BUILTIN_THEMES):
        assert check_theme(name, "config.toml") == name
    for wanted, hint in {
        "pulsapi-lihgt": "did you mean “pulsapi-light”?",
        "Nord": "did you mean “nord”?",
        "q\x1b[2J": "there are: pulsapi-dark, pulsapi-light, textual-dark, ",
    }.items():
        with pytest.raises(SettingsError) as caught:
            check_theme(wanted, "config.toml")
        assert caught.value.user_message.startswith("config.toml: [appearance] has no theme “")
        assert hint in caught.value.user_message
        assert caught.value.user_message.isprintable()
