"""What is really imported, in a fresh interpreter: static contracts can't see what is deferred."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Set
from pathlib import Path

import pytest

HEAVY = {"textual", "rich", "httpx", "starlette", "uvicorn", "sqlite3", "msgspec", "pyperclip"}

SLOW = {"typing", "pathlib", "datetime", "shutil", "unicodedata", "dataclasses", "inspect"}
"""Of Python itself: each costs a good part of what its own start does."""


def imported_by(code: str, asked: Set[str] = HEAVY) -> set[str]:
    """Which of the modules that are asked for are loaded after running `code`."""
    ask = f"\nimport sys; print('LOADED', *({set(asked)!r} & sys.modules.keys()))"
    # Coverage starts itself in every child, and brings modules along.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", code + ask],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment,
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "option",
    [
        "--help",
        "--version",
        "demo --help",
        "serve --help",
        "log --help",
        "keys --help",
        "profiles --help",
    ],
)
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    loaded = imported_by(
        "from pulsapi_tui.cli import main\n"
        f"try: main({option.split()!r})\n"
        "except SystemExit as end: assert end.code == 0"
    )
    assert loaded == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_slow(option: str) -> None:
    asked = SLOW - imported_by("", SLOW)
    loaded = imported_by(
        "from pulsapi_tui.cli import main\n"
        f"try: main({option.split()!r})\n"
        "except SystemExit as end: assert end.code == 0",
        asked,
    )
    assert "typing" in asked
    assert loaded == set()


def test_doctor_looks_at_keys_and_colours_without_the_screens_where_none_are_set() -> None:
    code = """
from pulsapi_tui.cli.doctor import check_look
from pulsapi_tui.config.settings import AppearanceSettings, Settings
check_look(Settings())
"""
    assert "textual" not in imported_by(code)
    themed = code.replace("Settings()", "Settings(appearance=AppearanceSettings(theme='nord'))")
    assert "textual" in imported_by(themed), "or this test would see nothing"


def test_the_ui_comes_without_http_and_without_the_server() -> None:
    loaded = imported_by("import pulsapi_tui.ui.app, pulsapi_tui.wiring.sessions")
    assert "textual" in loaded
    assert not loaded & {"httpx", "starlette", "uvicorn", "sqlite3", "pyperclip"}


LATER = {
    "configparser",
    "email",
    "httpx",
    "pulsapi_tui.api.client",
    "pulsapi_tui.config.credential_command",
    "pulsapi_tui.config.keyring_store",
    "pulsapi_tui.delivery.command",
    "pulsapi_tui.delivery.env_file",
    "pulsapi_tui.delivery.recipes",
    "pulsapi_tui.flows.create",
    "pulsapi_tui.flows.rotate",
    "pulsapi_tui.ui.asks",
    "pulsapi_tui.ui.key_actions",
    "pulsapi_tui.ui.profile_actions",
    "pulsapi_tui.ui.widgets.dialog",
    "textual.widgets._footer",
    "tomli_w",
    "tomllib",
    "zoneinfo",
    *(
        f"pulsapi_tui.ui.screens.{path.stem}"
        for path in (Path(__file__).parents[2] / "pulsapi_tui/ui/screens").glob("*.py")
        if path.stem not in {"__init__", "keys"}
    ),
}
"""What is imported once the first frame is there, or when it is asked for."""


def test_the_first_frame_needs_no_dialog_no_flow_and_no_client() -> None:
    assert len(LATER) > 20
    textuals = imported_by("import textual.app, textual.widgets", LATER)
    assert imported_by("import pulsapi_tui.cli.screens", LATER - textuals) == set()


def test_the_dialogs_are_imported_before_they_are_asked_for() -> None:
    loaded = imported_by("from pulsapi_tui.ui import dialogs; dialogs._import_screens()", LATER)
    screens = {name for name in LATER if name.startswith("pulsapi_tui.ui.screens.")}
    # The help is the app's own.
    assert screens - loaded == {"pulsapi_tui.ui.screens.help"}


def test_a_session_leaves_the_command_line_of_httpx_out() -> None:
    code = """
import asyncio
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.sessions import open_service
profile = Profile(name="local", base_url="http://127.0.0.1:1")
asyncio.run(open_service(profile, Secret("k" * 24), SystemClock()))
"""
    assert imported_by(code, {"httpx", "click", "rich"}) == {"httpx"}


def test_the_client_comes_without_a_terminal() -> None:
    assert (
        imported_by("import pulsapi_tui.api.client") == {"httpx", "msgspec"} | _brought_by_httpx()
    )


def _brought_by_httpx() -> set[str]:
    # httpx loads rich for its own command line where click is installed.
    return imported_by("import httpx") & {"rich"}


def test_the_server_comes_without_the_client() -> None:
    loaded = imported_by("import pulsapi_tui.server.demo, pulsapi_tui.server.serve")
    assert not loaded & {"textual", "rich", "httpx"}


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [tool, "--no-cache"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout
