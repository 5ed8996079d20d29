"""Places x failures x forms: the key is in its one field and where the user put it, nowhere else.

The program runs in a real tmux with default settings, in the tests' terminal. After each failure
every place is looked at for every form of the key, and of the session's own key.
"""

from __future__ import annotations

import base64
import json
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.canary import Canary
from tests.terminal.conftest import Machine
from tests.terminal.places import GIVEN_THE_SESSIONS_KEY, PLACES, World
from tests.terminal.processes import eventually
from tests.terminal.recording_pulsapi import Answer, Raw, cut
from tests.terminal.terminal import PROGRAM
from tests.terminal.test_main_story import create
from tests.terminal.test_multiplexer import copied, needs_tmux

pytestmark = [needs_tmux, pytest.mark.thorough]

CRASHING = Path(__file__).with_name("crashing.py")
FIELD = frozenset(
    {"what the terminal was sent", "the terminal's alternate screen", "tmux: the panes"}
)
"""Where the key is while it is shown."""

Say = Callable[[World, str], Answer]


class Refusal(NamedTuple):
    """An answer to a create, and what the program says then."""

    answer: Say
    title: str


def _holds(world: World) -> dict[str, str]:
    return {"key": world.canary.secret, "you_sent": f"Bearer {world.session.secret}"}


def _made(world: World, name: str) -> bytes:
    """A proper answer, of which the program gets a part only; the list does not show the key."""
    world.server.answers.new_name = name
    return json.dumps(world.server.answers.created()).encode()


def _cut_in_the_secret(world: World, name: str) -> Answer:
    body = _made(world, name)
    end = body.index(world.canary.word.encode()) + len(world.canary.word) // 2
    return cut(201, body, end)


def _problem(world: World, status: int, code: str) -> Answer:
    texts = _holds(world)
    echo = json.dumps(texts)
    return status, {"status": status, "code": code, "type": echo, "title": echo, **texts}


REFUSALS: dict[str, Refusal] = {
    "create answered by 422": Refusal(
        lambda world, _: _problem(world, 422, "invalid_name"), "Not created"
    ),
    "create answered by 500": Refusal(lambda world, _: _problem(world, 500, ""), "Not known"),
    "create answered by 500 that is no JSON": Refusal(
        lambda world, _: (500, f"<p>{_holds(world)}".encode()), "Not known"
    ),
    "create answered by a cut in the secret": Refusal(_cut_in_the_secret, "Not known"),
    "create answered by a cut after the secret": Refusal(
        lambda world, name: cut(201, _made(world, name) + b" ", len(_made(world, name))),
        "Not known",
    ),
    "create answered by JSON that is no key": Refusal(
        lambda world, _: (201, {**_holds(world), "id": [world.canary.secret]}), "Not known"
    ),
    "create answered by what is no JSON": Refusal(
        lambda world, _: (201, f'{{"key": {world.canary.secret}, {world.canary.secret}'.encode()),
        "Not known",
    ),
    "create answered by a redirect": Refusal(
        lambda world, _: Raw(
            f"HTTP/1.1 307 X\r\nLocation: /?{quote(world.canary.secret)}\r\n"
            f"X-Key: {world.canary.secret}\r\nContent-Length: 0\r\n\r\n".encode()
        ),
        "Not known",
    ),
    "create answered by what is no HTTP": Refusal(
        lambda world, _: Raw(f"{world.canary.secret} {world.session.secret}\r\n\r\n".encode()),
        "Not known",
    ),
    "create not answered": Refusal(lambda *_: Raw(b""), "Not known"),
}

DELIVERIES = (
    "delivery into a link",
    "delivery into a directory that is not there",
    "delivery by a command that fails and echoes",
    "delivery by a command that hangs",
)
TRIES = ("try answered by 401", "try answered by 500")
COPIES = ("copy where tmux fails", "copy where tmux takes nothing", "copy by tmux, display dead")
STORED = "delivered into an env file"
SHOWN = ("shown", "masked again", "pasted wrongly", "copied and shown", "discarded")


class Ending(NamedTuple):
    """How the program ends, with the status that a shell sees."""

    end: Callable[[World], None]
    status: int
    says: str = ""
    masked: bool = False
    """Masked before: what can't be caught leaves the screen as it is."""
    bug: str = ""


def _signal(number: signal.Signals) -> Callable[[World], None]:
    return lambda world: world.kill(number)


ENDINGS: dict[str, Ending] = {
    "SIGTERM while it is shown": Ending(_signal(signal.SIGTERM), 143, "is not known to be stored"),
    "SIGHUP while it is shown": Ending(_signal(signal.SIGHUP), 129),
    "SIGINT while it is shown": Ending(_signal(signal.SIGINT), 130, "is not known to be stored"),
    "SIGKILL": Ending(_signal(signal.SIGKILL), 137, masked=True),
    "SIGABRT": Ending(_signal(signal.SIGABRT), 134, "(total: ", masked=True),
    "SIGSEGV": Ending(_signal(signal.SIGSEGV), 139, "(total: ", masked=True),
    "a bug while it is shown": Ending(
        lambda world: world.terminal.press("v"), 1, "ZeroDivisionError: a bug", bug="shown"
    ),
    "a bug while it is delivered": Ending(
        World.deliver, 1, "ZeroDivisionError: a bug after", masked=True, bug="delivering"
    ),
}

FAILURES = (*REFUSALS, *DELIVERIES, *TRIES, *COPIES, STORED, *SHOWN, *ENDINGS)


class Walk:
    """A way through failures; at each, all places are looked at."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.walked: Counter[str] = Counter()

    def __call__(self, failure: str, without: frozenset[str] = frozenset()) -> None:
        """Look at all places but those where the key is meant to be."""
        world = self.world
        places = [name for name in PLACES if name not in without]
        for name in places:
            there = PLACES[name].probe(world)
            forms = world.canary.found_in(there)
            assert not forms, f"after {failure}: the key is in {name} ({forms})"
            if name not in GIVEN_THE_SESSIONS_KEY:
                forms = world.session.found_in(there)
                assert not forms, f"after {failure}: the session's key is in {name} ({forms})"
        self.walked[failure] += len(places) * len(world.canary.forms)


@pytest.fixture
def world(machine: Machine, tmp_path: Path) -> Iterator[World]:
    """A machine of a user, and a server with a canary to give."""
    with ExitStack() as stack:
        yield World(machine, tmp_path, stack)


@pytest.fixture
def walk(world: World, record_property: Callable[[str, object], None]) -> Iterator[Walk]:
    """The way of one test; what it did is in its report."""
    it = Walk(world)
    yield it
    record_property("cells", it.walked.total())


def masked_key(world: World) -> None:
    """Create a key, and leave it masked."""
    create(world.terminal, "Release bot")


def show_key(world: World) -> None:
    """Show the key that is open."""
    world.terminal.press("m")
    world.terminal.until(world.canary.secret)


def mask_key(world: World) -> None:
    """Mask it; once it is masked, nothing of it is sent any more."""
    world.terminal.press("m")
    world.terminal.until("•••••")
    world.terminal.gone(world.canary.word)
    world.forget_what_was_shown()


# The search itself


def test_each_form_is_another_and_each_is_found() -> None:
    """Also in the middle of something else; and nothing is found where there is nothing."""
    canary = Canary()
    raw = canary.secret.encode()
    assert len({needles[0] for needles in canary.forms.values()}) == len(canary.forms)
    for shift in range(3):
        around = b"?" * shift + raw + b"!!"
        assert f"base64 at {shift}" in canary.found_in(base64.b64encode(around))
        assert f"base64url at {shift}" in canary.found_in(base64.urlsafe_b64encode(around))
        assert f"base64url at {shift}" not in canary.found_in(base64.b64encode(around))
    assert "hex" in canary.found_in(f"key:{raw.hex()}")
    assert "HEX" in canary.found_in(f"key:{raw.hex().upper()}")
    assert "percent" in canary.found_in(f"?key={quote(canary.secret, safe='')}&x")
    assert "JSON" in canary.found_in(json.dumps({"key": canary.secret}))
    assert "JSON" not in canary.found_in(raw)
    assert canary.found_in(raw[-10:-2]) == ["a piece"]
    assert canary.found_in(base64.b64encode(raw)[20:33]) == ["a piece of base64"]
    assert canary.found_in(raw.hex()[20:37]) == ["a piece of hex"]
    assert not canary.found_in(raw[-10:-3])
    assert not canary.found_in(Canary().secret)
    assert canary.secret not in repr(canary)


def test_each_probe_finds_what_is_planted(world: World) -> None:
    """A place that is looked at in vain proves nothing."""
    world.start()
    # The terminal is no more in tmux after it.
    last = "the terminal's normal screen"
    for name in (*(name for name in PLACES if name != last), last):
        place, planted = PLACES[name], Canary()
        assert not planted.found_in(place.probe(world)), name
        place.plant(world, planted)
        assert planted.found_in(place.probe(world)), f"nothing is ever found in: {name}"


def test_the_size_of_the_matrix(record_property: Callable[[str, object], None]) -> None:
    """How much is looked at."""
    forms = len(Canary().forms)
    cells = len(PLACES) * len(FAILURES) * forms
    record_property("matrix", f"{len(PLACES)} x {len(FAILURES)} x {forms} = {cells}")
    assert len(PLACES) >= 25
    assert len(set(FAILURES)) == len(FAILURES) >= 20
    assert forms >= 12
    # Nobody who runs the tests has a limit of his own that would hide a core file.
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


# Failures


def test_a_create_that_fails(world: World, walk: Walk) -> None:
    """The key is in an answer that can't be used: it is nowhere."""
    world.start()
    for number, (failure, (answer, title)) in enumerate(REFUSALS.items()):
        sent = len(world.server.requests)
        world.server.create = lambda name, answer=answer: answer(world, name)  # type: ignore[misc]
        world.terminal.press("n")
        world.terminal.until("What is the key for?")
        world.terminal.press(f"Release bot {number}")
        world.terminal.until("Good.")
        world.terminal.press("enter")
        world.terminal.until(title)
        assert "POST" in {request.method for request in world.server.requests[sent:]}
        walk(failure)
        world.escape()
        world.terminal.gone(title)
        if title == "Not created":
            world.terminal.until("What is the key for?")
            world.escape()
            world.terminal.gone("What is the key for?")
    assert set(walk.walked) == set(REFUSALS)


def write_recipes(world: World) -> None:
    """Commands of the user's own: one echoes what it got in many forms, one hangs."""
    raw = world.canary.secret.encode()
    half = len(raw) // 2
    lines = [
        *(base64.b64encode(b"?" * shift + raw + b"!!") for shift in range(3)),
        base64.urlsafe_b64encode(raw),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        quote(raw, safe="").encode(),
        json.dumps(world.canary.secret).encode(),
        b"\x1b[31m" + raw[:half] + b"\x1b[0m" + raw[half:],
        raw[:half],
        raw[half:],
    ]
    forms = world.outside / "forms"
    forms.write_bytes(b"\n" + b"\n".join(lines) + b"\n")
    world.write_script(world.outside / "echo", f"#!/bin/sh\ncat >&2; cat {forms} >&2; exit 3\n")
    world.write_script(world.outside / "hang", "#!/bin/sh\ncat >&2; exec sleep 60\n")
    folder = world.roots["config"] / "pulsapi-tui"
    folder.mkdir(mode=0o700)
    recipes = "".join(
        f'[[delivery.recipes]]\nid = "{name}"\ntitle = "To {name}"\n'
        f'argv = ["{world.outside / name}"]\n'
        for name in ("echo", "hang")
    )
    (folder / "config.toml").write_text(f"[delivery]\ntimeout_s = 2\n{recipes}")


def test_a_delivery_a_try_and_a_copy_that_fail(world: World, walk: Walk) -> None:
    """The key is masked all the time; in the end it is in the one place that was chosen."""
    write_recipes(world)
    world.start(DISPLAY=":987")
    masked_key(world)
    work, terminal = world.roots["work"], world.terminal
    linked = world.roots["home"] / "linked"
    linked.write_text("X=1\n")
    (work / ".env").symlink_to(linked)

    world.deliver()
    terminal.until("Can't go there", "link")
    walk(DELIVERIES[0])
    world.back_from_delivery("Can't go there")
    world.deliver(path="missing/.env")
    terminal.until("Can't go there", "does not exist")
    walk(DELIVERIES[1])
    world.back_from_delivery("Can't go there")
    world.deliver(way=1)
    terminal.until("failed with exit code 3", "[the key]")
    walk(DELIVERIES[2])
    world.deliver(way=2)
    terminal.until("did not end within 2 s")
    walk(DELIVERIES[3])

    for failure, status in zip(TRIES, (401, 500), strict=True):
        world.server.services = _problem(world, status, "")
        terminal.press("t")
        terminal.until(f"{status}", "GET /v1/services")
        walk(failure)

    world.tmux_fails("all")
    terminal.press("c")
    terminal.until("Sent to your terminal's clipboard")
    walk(COPIES[0])
    world.tmux_fails("load-buffer")
    terminal.press("c")
    terminal.until("Could not copy")
    walk(COPIES[1])
    assert not copied(terminal)
    world.tmux_fails("nothing")
    world.copied = True
    terminal.press("c")
    terminal.until("Sent through tmux")
    terminal.wait_for(lambda: copied(terminal) == {world.canary.secret}, "the clipboard")
    walk(COPIES[2])

    (work / ".env").unlink()
    world.deliver()
    terminal.until("Written to", "read back", "Delivered.")
    assert world.canary.found_in((work / ".env").read_bytes())
    world.chosen.append(work / ".env")
    walk(STORED)
    world.escape()
    terminal.gone("API key created")
    walk(STORED)
    assert linked.read_text() == "X=1\n"
    assert "env_file" in world.last_targets.read_text()
    assert set(walk.walked) == {*DELIVERIES, *TRIES, *COPIES, STORED}


def test_a_key_that_is_shown(world: World, walk: Walk) -> None:
    """It is in its field and nowhere else; masked, it is nowhere."""
    world.start()
    masked_key(world)
    show_key(world)
    for name in FIELD:
        assert world.canary.found_in(PLACES[name].probe(world)), name
    walk("shown", without=FIELD)
    mask_key(world)
    walk("masked again")
    world.terminal.press("v")
    world.terminal.until("Paste the key here")
    world.terminal.paste(world.canary.secret[:-1] + "-")
    world.terminal.gone("Paste the key here")
    world.terminal.press("enter")
    world.terminal.until("That is not this key")
    walk("pasted wrongly")
    world.escape()
    world.terminal.gone("Paste the key here")
    show_key(world)
    world.copied = True
    world.terminal.press("c")
    world.terminal.until("Sent through tmux")
    walk("copied and shown", without=FIELD)
    mask_key(world)
    world.escape()
    world.terminal.until("Nothing has proven yet")
    world.click("Discard and revoke")
    world.terminal.until("Discarded and revoked")
    walk("discarded")
    assert set(walk.walked) == set(SHOWN)


@pytest.mark.parametrize("name", ENDINGS)
def test_an_end_with_a_key_open(world: World, walk: Walk, name: str) -> None:
    """Neither screen, nor a file, nor a core: also where nothing can be done any more."""
    ending = ENDINGS[name]
    bug = [sys.executable, "-P", str(CRASHING), ending.bug]
    world.start(*(bug if ending.bug else [PROGRAM]))
    limits = Path(f"/proc/{world.app}/limits").read_text()
    [core] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[-3:-1] == ["0", "0"]
    masked_key(world)
    show_key(world)
    if ending.masked:
        mask_key(world)
    ending.end(world)
    world.until_it_ended(ending.status)
    if not ending.masked:
        world.forget_what_was_shown()
    world.redraw()
    eventually(lambda: ending.says in world.seen(), f"says {ending.says}")
    walk(name)
    assert not [path for path in world.files() if path.name.startswith("core")]
    assert "Release bot" in world.journal.read_text()
    if ending.status in {1, 143, 129, 130}:
        # The program's own hand: its screen is gone.
        world.terminal.gone("API key created")


@pytest.mark.parametrize("variable", ["TEXTUAL_LOG", "TEXTUAL_SCREENSHOT"])
def test_what_records_the_screen_is_refused(world: World, walk: Walk, variable: str) -> None:
    """Nothing is started, and no such file is made."""
    record = world.roots["work"] / "recorded"
    started = world.run([str(world.starter), PROGRAM], **{variable: str(record)})
    started.until(f"{variable} is set", "ended with 2")
    assert not record.exists()
    assert not list(world.files())
    assert not world.server.requests
