"""Settings that the program would refuse fail in `doctor`, too, and by the same sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulsapi_tui.cli import codes
from pulsapi_tui.cli.doctor import run_doctor
from pulsapi_tui.cli.parser import parser
from pulsapi_tui.cli.screens import run_screens
from pulsapi_tui.config.paths import settings_path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # Nobody is there, and nobody else is asked.
    monkeypatch.setenv("PULSAPI_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("PULSAPI_PROFILE", raising=False)
    settings_path().parent.mkdir(parents=True, mode=0o700)


def config(text: str) -> None:
    settings_path().write_text(text, encoding="utf-8")
    settings_path().chmod(0o600)


def looked(capsysbinary: pytest.CaptureFixture[bytes]) -> dict[str, str]:
    """What `doctor` says of config.toml."""
    arguments = parser().parse_args(["doctor", "--json", "--no-clipboard"])
    run_doctor(arguments, "")
    checks = json.loads(capsysbinary.readouterr().out)["checks"]
    found: dict[str, str] = next(each for each in checks if each["name"] == "config.toml")
    return found


@pytest.mark.parametrize(
    "text",
    [
        '[keymap]\n"keys.creat" = "n"',
        '[keymap]\n"keys.create" = "Ctrl+Foo"',
        '[keymap]\n"keys.create" = "r"',
        '[appearance]\ntheme = "pulsapi-drak"',
        '[[delivery.recipes]]\nid = "mine"\nargv = ["store", "{place}"]',
        "[reveal]\nmask_after_s = 0",
    ],
)
def test_what_the_screens_refuse_fails_by_the_same_sentence(
    text: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    config(text)
    assert run_screens(parser().parse_args([]), "") == codes.USAGE
    sentence = capsysbinary.readouterr().err.decode().removeprefix("pulsapi-tui: ").strip()
    check = looked(capsysbinary)
    assert check["status"] == "fail"
    assert check["found"] == sentence
    assert check["mend"].startswith("${EDITOR:-vi} ")


def test_a_keymap_and_a_theme_that_can_be_had_are_well(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    config('[keymap]\n"keys.create" = "F2"\n[appearance]\ntheme = "nord"')
    assert looked(capsysbinary)["status"] == "ok"
