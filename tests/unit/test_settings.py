"""config.toml: read strictly, refused with a sentence, never written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from pulsapi_tui.config.settings import _HAS_TO_BE, RouteName, Settings, read_settings
from pulsapi_tui.delivery.routes import Route
from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.wiring.hand_off import health_limits

WHOLE = """
# mine
[clipboard]
force = ["tmux", "osc52"]
forbid = ["native"]

[reveal]
mask_after_s = 5

[health]
idle_after_d = 14
due_after_d = 180

[appearance]
theme = "nord"

[keymap]
"keys.create" = "Ctrl+N, F2"
keys.refresh = ""

[delivery]
timeout_s = 2.5

[[delivery.recipes]]
id = "my-vault"
title = "My vault"
argv = ["store", "--as", "{name}", "{path}"]
note = "Overwrites."

[[delivery.recipes.fields]]
id = "path"
label = "Path"
default = "a/b"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_no_file_is_the_defaults(path: Path) -> None:
    settings = read_settings(path)
    assert settings == Settings()
    assert settings.reveal.mask_after_s == 30
    assert settings.delivery.timeout_s is None
    assert settings.clipboard.force == settings.clipboard.forbid == ()
    assert (settings.health.idle_after_d, settings.health.due_after_d) == (30, 90)
    assert health_limits(settings) == HealthLimits()
    assert settings.appearance.theme == ""
    assert settings.keymap == {}


def test_an_empty_file_is_the_defaults(path: Path) -> None:
    assert read_settings(write(path, "# nothing yet\n")) == Settings()


def test_every_setting_is_read(path: Path) -> None:
    settings = read_settings(write(path, WHOLE))
    assert settings.clipboard.force == ("tmux", "osc52")
    assert settings.clipboard.forbid == ("native",)
    assert settings.reveal.mask_after_s == 5
    assert settings.delivery.timeout_s == 2.5
    assert health_limits(settings) == HealthLimits(timedelta(days=14), timedelta(days=180))
    assert settings.appearance.theme == "nord"
    assert settings.keymap == {"keys.create": "Ctrl+N, F2", "keys.refresh": ""}
    [recipe] = settings.delivery.recipes
    assert (recipe.id, recipe.title, recipe.note) == ("my-vault", "My vault", "Overwrites.")
    assert recipe.argv == ("store", "--as", "{name}", "{path}")
    assert [(each.id, each.label, each.default) for each in recipe.fields] == [
        ("path", "Path", "a/b")
    ]
    assert path.read_text(encoding="utf-8") == WHOLE


def test_the_names_of_the_routes_are_those_of_the_routes() -> None:
    assert set(get_args(RouteName)) == set(Route)


def test_each_place_that_can_be_wrong_has_words_of_its_own() -> None:
    def places(kind: type[msgspec.Struct], above: str = "") -> Iterator[str]:
        for field in msgspec.structs.fields(kind):
            below = next(iter(getattr(field.type, "__args__", ())), field.type)
            if isinstance(below, type) and issubclass(below, msgspec.Struct):
                yield from places(below, f"{above}{field.name}.")
            else:
                yield f"{above}{field.name}"

    tables = {"keymap", "delivery.recipes", "delivery.recipes.fields"}
    assert set(_HAS_TO_BE) - tables == set(places(Settings)) - tables


REFUSED = {
    "[clipbord]\n": "there is no setting “clipbord”; did you mean “clipboard”?",
    "[clipboard]\nforse = []\n": "[clipboard] has no setting “forse”; did you mean “force”?",
    "[reveal]\nzzz = 1\n": "[reveal] has no setting “zzz”; there are: mask_after_s.",
    '[[delivery.recipes]]\nid = "a"\nargw = ["x"]\n': "did you mean “argv”?",
    '[[delivery.recipes]]\nid="a"\nargv=["x"]\n[[delivery.recipes.fields]]\nide="b"\n': "“id”?",
    '[clipboard]\nforce = ["wayland"]\n': "clipboard.force has to be a list of texts; there",
    "[reveal]\nmask_after_s = 0\n": "mask_after_s has to be a number of seconds, from 1",
    "[health]\nidle_after_d = 0\n": "health.idle_after_d has to be a whole number of d",
    "[health]\ndue_after_d = 4000\n": "due_after_d has to be a whole number of days, fro",
    "[health]\ndue_after_d = 1.5\n": "due_after_d has to be a whole number of days, fro",
    "[health]\nidle_after = 3\n": "did you mean “idle_after_d”?",
    '[reveal]\nmask_after_s = "soon"\n': "mask_after_s has to be a number of seconds",
    '[[delivery.recipes]]\nid = "a"\nargv = []\n': "argv of recipe no. 1 has to be a lis",
    '[[delivery.recipes]]\nid = "a"\nargv = "a shell line"\n': "argv of recipe no. 1 has to be",
    '[[delivery.recipes]]\nid = "--x"\nargv = ["x"]\n': "id of recipe no. 1 has to be a w",
    '[[delivery.recipes]]\nargv = ["x"]\n': "id of recipe no. 1 is missing: it has to be a word of",
    '[appearance]\nthem = "nord"\n': "did you mean “theme”?",
    "[appearance]\ntheme = 3\n": "appearance.theme has to be a text in quotes. Mend that line.",
    "keymap = 3\n": "keymap has to be a table. Mend that line.",
    '[keymap]\n"keys.create" = ["n"]\n': "“keys.create” is not text. Write keys as in: ",
    '[keymap]\nkeys.create.n = "n"\n': "“keys.create” is not text.",
    '[keymap]\nkeys.create = "n"\n"keys.create" = "m"\n': "[keymap] has “keys.create” twice.",
    "reveal = 3\n": "reveal has to be a table.",
    '[[delivery.recipes]]\nid="a"\nargv=["x"]\n[[delivery.recipes]]\nid="b"\nargv=["x"]\n'
    '[[delivery.recipes.fields]]\nid="c"\n': "label of field no. 1 of recipe no. 2 is missing",
    "delivery.recipes = [3]\n": "delivery.recipes has to be tables, each under [[",
    "[clipboard\n": "is not valid TOML: Expected ']'",
    "a = 1\na = 2\n": "is not valid TOML: Cannot overwrite a value",
    'x = "\x1b]52;c;eA==\x07"\n': "is not valid TOML",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_setting_is_refused_with_its_place(path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(write(path, text))
    assert str(path) in caught.value.user_message
    assert REFUSED[text] in caught.value.user_message
    assert caught.value.user_message.isprintable()
    assert "`" not in caught.value.user_message, "words of msgspec"
    assert path.read_text(encoding="utf-8") == text


def test_what_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"# \xff\xfe\n")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_settings(path)


def test_what_is_too_large_is_refused(path: Path) -> None:
    with pytest.raises(SettingsError, match="larger than any settings"):
        read_settings(write(path, "#" * (1024 * 1024 + 1)))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    write(path, WHOLE).chmod(mode)
    with pytest.raises(SettingsError, match="chmod go-w"):
        read_settings(path)


def test_a_file_of_somebody_else_is_refused(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(write(path, WHOLE), 65534, 65534)
    with pytest.raises(SettingsError, match="another user"):
        read_settings(path)


def test_a_directory_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(SettingsError, match="can't be read \\(Is a directory\\)"):
        read_settings(path)


def test_a_fifo_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path, 0o600)
    with pytest.raises(SettingsError, match="is not a file"):
        read_settings(path)


def test_a_place_that_can_t_be_reached_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="can't be read"):
        read_settings(tmp_path / "file" / "config.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[clipbord]", "did you mean “clipboard”?"),
        ('[keymap]\nkeys.create = "r"', "“keys.create” and “keys.refresh” both have r."),
        ('[appearance]\ntheme = "nrod"', "did you mean “nord”?"),
    ],
)
def test_the_program_says_it_before_it_starts(tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / "pulsapi-tui"
    folder.mkdir()
    write(folder / "config.toml", f"{text}\n")
    # A terminal is asked for before the settings are; this test has none to give.
    code = (
        "import sys; from pulsapi_tui import cli; cli.unfit_terminal = lambda: None;"
        "sys.exit(cli.main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
