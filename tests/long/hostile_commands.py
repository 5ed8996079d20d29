"""Every command, with a hostile text wherever a text can come from; what it wrote, byte by byte."""

from __future__ import annotations

import json
import os
import shutil
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from pulsapi_tui import cli
from pulsapi_tui.api import _retry
from pulsapi_tui.flows import create
from tests.terminal.fake_pulsapi import SESSION_KEY, Answers, serving
from tests.terminal.processes import PATIENCE_S


class Place(NamedTuple):
    """A command, and where in it the text is: `{}` in its arguments, files and environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = {}
    config: str = ""
    profiles: str = ""
    folder: str = "config"
    """The folder of the settings, in the home."""
    log: str = ""

    @property
    def what(self) -> str:
        """In a few words."""
        own = [
            f"{name}: {ascii(getattr(self, name))[:40]}"
            for name in ("config", "profiles", "log")
            if getattr(self, name)
        ]
        own += [f"{name}=" for name in self.environment]
        own += ["folder"] if self.folder != "config" else []
        return " ".join([*self.argv, *own])


def _at(*argvs: str, **place: str | Mapping[str, str]) -> list[Place]:
    return [Place(tuple(argv.split()), **place) for argv in argvs]  # type: ignore[arg-type]


_RECIPE = """\
[[delivery.recipes]]
id = "own"
argv = ["{program}", {}]
title = {}
note = {}
fields = [{{ id = "path", label = {}, default = {} }}]
"""
_PROFILE = """\
current = "work"
[profiles.work]
base_url = "{url}"
account_id = {}
credential = {{ from = "command", command = ["{program}", {}] }}
"""
_LOGGED = """\
{{"at":"2026-11-24T12:00:00Z","who":{},"profile":{},"origin":{},"action":{},"key_id":{},\
"key_name":{},"hint":{},"outcome":{},"detail":{}}}
"""

PLACES: tuple[Place, ...] = (
    # What the server says
    *_at("keys list", "keys list --json", "keys list --sort name", "keys show key_0000"),
    *_at("keys show key_0001 --json", "services", "services --json", "whoami", "whoami --json"),
    *_at("check --older 1h", "check --older 1h --json", "check --unused --quiet"),
    *_at("keys create Release --to file:new.key", "keys create Release --to file:new.key --json"),
    *_at("keys create Release --reveal --force", "keys create Release --to env:.env --dry-run"),
    *_at("keys revoke key_0000 --yes", "keys revoke key_0000 --yes --json", "keys revoke key_0000"),
    *_at("keys revoke key_0000 key_0001 --dry-run", "keys rotate key_0000 --to file:next.key"),
    *_at("keys rotate key_0000 --to file:next.key --json --yes", "keys rotate key_0000 --status"),
    *_at("doctor --no-clipboard", "doctor --no-clipboard --json"),
    # What is named on the command line
    *_at("keys show {}", "keys revoke {} --yes", "keys revoke {} --dry-run --json"),
    *_at("keys rotate {} --to file:x", "keys create {} --to file:new.key"),
    *_at("keys create {} --to env:.env --dry-run", "keys create Release --to {}"),
    *_at("keys create {} --reveal --dry-run --json", "keys rotate key_0000 --name {} --dry-run"),
    *_at("keys create Release --to env:{} --dry-run", "keys create Release --to file:{} --dry-run"),
    *_at("keys create Release --to env:{}", "keys create Release --to file:dir/{} --dry-run"),
    *_at("keys create Release --to env:.env --variable {} --dry-run"),
    *_at("keys create Release --to profile:{}", "keys create Release --to env:x --field {}"),
    *_at(
        "keys create Release --to env:x --field {}=x",
        "keys create Release --to env:x --field path={}",
    ),
    *_at(
        "keys list --filter {}", "keys list --filter is:{}", "keys list --sort {}", "keys {}", "{}"
    ),
    *_at("keys list --{}", "keys list {}", "check --older {}", "log --limit {}", "log {}", "--{}"),
    *_at("--profile {} whoami", "--base-url {} whoami", "--base-url http://{} whoami"),
    *_at(
        "--ca-file {} whoami", "--proxy {} whoami", "--proxy http://{}:1 whoami", "serve --port {}"
    ),
    *_at("profiles use {}", "profiles add {}", "profiles remove {} --yes", "profiles set {}"),
    *_at("profiles set-key {}", "profiles add new --base-url {}", "profiles add new --colour {}"),
    *_at("profiles add new --key-from {}", "profiles add new --key-from command -- {}"),
    *_at("profiles add new --ca-file {}", "completion {}", "demo --plan {}", "demo --keys {}"),
    # The environment
    *_at("whoami", "profiles", environment={"PULSAPI_PROFILE": "{}"}),
    *_at("whoami", "doctor --no-clipboard", environment={"PULSAPI_BASE_URL": "http://{}"}),
    *_at("whoami", "doctor --no-clipboard", environment={"PULSAPI_API_KEY": "{}"}),
    *(
        place
        for name in ("TERM", "COLORTERM", "LANG", "LC_ALL", "TMUX", "TMUX_PANE", "STY", "SSH_TTY")
        for place in _at("doctor --no-clipboard", environment={name: "{}"})
    ),
    *(
        place
        for name in ("SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY", "PATH", "SSL_CERT_FILE")
        for place in _at("doctor --no-clipboard --json", environment={name: "/{}"})
    ),
    # Paths
    *_at("profiles path", "profiles", "doctor --no-clipboard", folder="{}"),
    *_at("whoami", "keys list", config="not TOML", folder="{}"),
    *_at("profiles", "whoami", profiles="not TOML", folder="{}"),
    *_at("log", log="\n", folder="{}"),
    # Files
    *_at("whoami", "doctor --no-clipboard", config="{} = 1"),
    *_at("whoami", config="[{}]\nx = 1"),
    *_at("whoami", config="[appearance]\ntheme = {}"),
    *_at("whoami", config="[keymap]\n{} = {}"),
    *_at("whoami", config="[keymap]\n{} = 1"),
    *_at("whoami", config="[clipboard]\nforce = [{}]"),
    *_at("whoami", config="[[delivery.recipes]]\nid = {}\nargv = ['x']"),
    *_at("keys create Release --to own --dry-run", "keys create Release --to own", config=_RECIPE),
    *_at("keys create Release --to own --field path=x --dry-run", config=_RECIPE),
    *_at("keys create Release --to own --field path={}", config=_RECIPE),
    *_at("profiles", "whoami", "profiles --json", profiles="[profiles.{}]\nbase_url = 'x'"),
    *_at("profiles", profiles="current = {}"),
    *_at("profiles", profiles="{} = {}"),
    *_at("profiles", "whoami", profiles="[profiles.work]\nbase_url = {}"),
    *_at("profiles", profiles="[profiles.work]\n{} = {}"),
    *_at("profiles", profiles="[profiles.work.network]\nca_file = {}\nproxy = {}"),
    *_at("profiles", profiles="[profiles.work.credential]\nfrom = {}"),
    *_at("profiles", "profiles list --json", "profiles use work", profiles=_PROFILE),
    *_at("profiles remove work --yes", "profiles set work --production", profiles=_PROFILE),
    *_at("whoami", "keys list", environment={"PULSAPI_API_KEY": ""}, profiles=_PROFILE),
    *_at("log", "log --json", log=_LOGGED),
)


def in_toml(text: str) -> str:
    """A text in quotes, every character of it escaped where it has to be."""
    return json.dumps(text).replace("\x7f", "\\u007f") if _has_no_pairs(text) else _wide(text)


def _has_no_pairs(text: str) -> bool:
    return all(ord(char) < 0x10000 for char in text)


def _wide(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


class Shell:
    """A home of its own, a server, and a pty to write to."""

    def __init__(self, home: Path, url: str) -> None:
        self._home = home
        self._url = url

    def run(self, place: Place, text: str, *, as_bytes: bool = False) -> bytes:
        """What a command wrote to its terminal, where this text is in that place.

        `as_bytes`: what an argument or a path has of C1 is its one byte there, which is no UTF-8.
        """
        argument = text.replace("\0", "\N{SYMBOL FOR NULL}") or "x"
        if as_bytes:
            argument = argument.translate({code: 0xDC00 + code for code in range(0x80, 0xA0)})
        folder = self._set_up(place, text, argument)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLUMNS": "100",
            "PULSAPI_BASE_URL": self._url,
            "PULSAPI_API_KEY": SESSION_KEY,
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            **{name: value.replace("{}", argument) for name, value in place.environment.items()},
        }
        argv = [each.replace("{}", argument) for each in place.argv]
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, environment, clear=True))
            # What it does to the process can't be undone.
            stack.enter_context(patch.object(cli, "leave_no_core", lambda: None))
            stack.enter_context(patch.object(create, "PAUSE_S", 0.0))
            stack.enter_context(patch.object(_retry, "BASE_S", 0.0))
            written = stack.enter_context(_on_a_pty())
            # argparse's own end.
            with suppress(SystemExit):
                cli.main(argv)
        return bytes(written)

    def _set_up(self, place: Place, text: str, argument: str) -> Path:
        for each in self._home.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        os.chdir(self._home)
        name = place.folder.replace("{}", argument.replace("/", "|")[:60])
        folder = self._home / name
        own = folder / "pulsapi-tui"
        own.mkdir(parents=True, mode=0o700)
        (folder / "program").write_text(f"#!/bin/sh\necho {SESSION_KEY}\n")
        (folder / "program").chmod(0o700)
        files = {
            "config.toml": (place.config, in_toml(text)),
            "profiles.toml": (place.profiles, in_toml(text)),
            "actions.jsonl": (place.log, json.dumps(text)),
        }
        for file_name, (content, quoted) in files.items():
            if content:
                known = {"{program}": str(self._home / "config" / "program"), "{url}": self._url}
                for mark, value in known.items():
                    content = content.replace(mark, value)
                content = content.replace("{}", quoted).replace("{{", "{").replace("}}", "}")
                (own / file_name).write_text(content, "utf-8", "surrogateescape")
                (own / file_name).chmod(0o600)
        (own / "actions.jsonl.lock").touch(mode=0o600)
        return folder


@contextmanager
def _on_a_pty() -> Iterator[bytearray]:
    """Let stdout and stderr be a terminal, and stdin nothing; gives what is written, at the end."""
    written = bytearray()
    master, slave = os.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)

    def read() -> None:
        try:
            while data := os.read(master, 65536):
                written.extend(data)
        except OSError:
            # So a pty ends whose other side is closed.
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    streams = [os.fdopen(os.dup(slave), "w", encoding="utf-8", errors=errors) for errors in _ERRORS]
    os.close(slave)
    try:
        with (
            open(os.devnull, encoding="utf-8") as nothing,
            patch.multiple(sys, stdin=nothing, stdout=streams[0], stderr=streams[1]),
        ):
            yield written
    finally:
        for stream in streams:
            stream.close()
        reader.join(PATIENCE_S)
        os.close(master)


_ERRORS = ("surrogateescape", "backslashreplace")
"""As Python has them for stdout in a C locale, and for stderr: the worst that there is."""


def answers(texts: list[str]) -> Answers:
    """Answers with a text in all fields, one more key for each text."""
    text = texts[0]
    return Answers(
        [*texts, "harmless"],
        hint=text,
        email=text,
        display_name=text,
        timezone=text,
        detail=text,
        code=text,
        new_name=text,
    )


@contextmanager
def shell(folder: Path, texts: list[str]) -> Iterator[Shell]:
    """Commands against a server that says these texts."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    before = Path.cwd()
    try:
        with serving(answers(texts)) as url:
            yield Shell(home, url)
    finally:
        os.chdir(before)
