"""config.toml: read strictly, refused with a sentence, never written."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from pulsapi_tui.config.settings import RouteName, Settings, read_settings
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


REFUSED = {
    "[clipbord]\n": "there is no setting “clipbord”; did you mean “clipboard”?",
    "[clipboard]\nforse = []\n": "[clipboard] has no setting “forse”; did you mean “force”?",
    "[reveal]\nzzz = 1\n": "[reveal] has no setting “zzz”; there are: mask_after_s.",
    '[[delivery.recipes]]\nid = "a"\nargw = ["x"]\n': "did you mean “argv”?",
    '[[delivery.recipes]]\nid="a"\nargv=["x"]\n[[delivery.recipes.fields]]\nide="b"\n': "“id”?",
    '[clipboard]\nforce = ["wayland"]\n': "`clipboard.force[0]`; there are: native, osc52, tmux,",
    "[reveal]\nmask_after_s = 0\n": "`float` >= 1.0",
    "[health]\nidle_after_d = 0\n": "`int` >= 1",
    "[health]\ndue_after_d = 4000\n": "`int` <= 3650",
    "[health]\ndue_after_d = 1.5\n": "Expected `int`, got `float`",
    "[health]\nidle_after = 3\n": "did you mean “idle_after_d”?",
    '[reveal]\nmask_after_s = "soon"\n': "Expected `float`, got `str`",
    '[[delivery.recipes]]\nid = "a"\nargv = []\n': "length >= 1",
    '[[delivery.recipes]]\nid = "a"\nargv = "a shell line"\n': "got `str`",
    '[[delivery.recipes]]\nid = "--x"\nargv = ["x"]\n': "matching regex",
    '[[delivery.recipes]]\nargv = ["x"]\n': "missing required field `id`",
    '[appearance]\nthem = "nord"\n': "did you mean “theme”?",
    "[appearance]\ntheme = 3\n": "Expected `str`, got `int`",
    "keymap = 3\n": "Expected `object`, got `int` - at `keymap`",
    '[keymap]\n"keys.create" = ["n"]\n': "“keys.create” is not text. Write keys as in: ",
    '[keymap]\nkeys.create.n = "n"\n': "“keys.create” is not text.",
    '[keymap]\nkeys.create = "n"\n"keys.create" = "m"\n': "[keymap] has “keys.create” twice.",
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
