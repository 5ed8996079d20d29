"""What is written about the program is what the program is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulsapi_tui import __version__
from pulsapi_tui.ui.command_table import COMMANDS
from tests import cast, looks, pictures
from tests.thorough import thorough

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

RUN = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/pulsapi-tui demo"
TEST = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest"

OFTEN = ("keys", "reveal", "revoke", "rotate", "profiles")
"""The pictures that are drawn again in the normal run, too."""


def test_the_two_commands_stand_as_they_are() -> None:
    assert f"\n{RUN}\n" in README
    assert f"\n{TEST}\n" in README
    assert TEST in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_few_pictures_stand_before_how_it_is_used() -> None:
    before, head, after = README.partition("\n## Using it\n")
    assert head
    assert before.count("](screenshots/") == 3
    shown = re.findall(r"!\[[^]]+\]\(screenshots/([a-z-]+)\.svg\)", before + after)
    assert sorted(shown) == sorted(pictures.PICTURES), "each once"


def test_every_link_within_the_readme_leads_somewhere() -> None:
    heads = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    links = re.findall(r"\]\(#([^)]+)\)", README)
    assert links
    assert set(links) <= anchors


def test_the_extra_is_installed_from_the_clone_everywhere() -> None:
    texts = [README, *(p.read_text(encoding="utf-8") for p in ROOT.glob("pulsapi_tui/**/*.py"))]
    assert sum("pip install -e '.[keyring]'" in text for text in texts) == 3
    assert not any("pulsapi-tui[" in text for text in texts), "there is no such package to be had"


def test_the_tables_are_fresh() -> None:
    assert pictures.with_tables(README) == README, "run: python -m tests.pictures"


@pytest.mark.parametrize(
    "name", [*OFTEN, *thorough(name for name in pictures.PICTURES if name not in OFTEN)]
)
async def test_the_screenshots_are_fresh(name: str) -> None:
    path = pictures.FOLDER / f"{name}.svg"
    async with pictures.opened(name) as (app, pilot):
        drawn = pictures.picture(app)
        assert path.read_text(encoding="utf-8") == drawn, "run: python -m tests.pictures"
        assert f"screenshots/{name}.svg" in README
        # The app is here, and to start one takes longer than to look at it.
        assert await looks.problems(app, pilot) == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", pictures.PICTURES | pictures.MORE)
async def test_the_screenshots_of_all_sizes_are_fresh(name: str) -> None:
    async for path, drawn in pictures.draw_all_sizes(name):
        assert path.read_text(encoding="utf-8") == drawn, "run: python -m tests.pictures --all"


@pytest.mark.thorough
async def test_the_cast_of_the_tour_is_fresh() -> None:
    recorded = await cast.record()
    assert cast.PATH.read_text(encoding="utf-8") == recorded, "run: python -m tests.pictures"
    assert "an-example-that-is-no-key" not in recorded


def test_no_screenshot_is_left_over() -> None:
    assert {path.stem for path in pictures.FOLDER.glob("*.svg")} == set(pictures.PICTURES)
    for folder in pictures.THEMES:
        drawn = {path.stem.rpartition("-")[0] for path in (pictures.FOLDER / folder).iterdir()}
        assert drawn == pictures.PICTURES.keys() | pictures.MORE.keys()


def test_command_ids_and_keys_are_unique() -> None:
    ids = [command.id for command in COMMANDS]
    assert len(ids) == len(set(ids))
    for scope in ({"keys", "table", "help", "app"}, {"reveal", "help"}):
        keys = [
            key
            for command in COMMANDS
            if command.place in scope and command.keys
            for key in command.keys.split(",")
        ]
        assert len(keys) == len(set(keys)), sorted(keys)


def test_no_destructive_key_is_bound_to_delete_or_is_the_twin_of_a_harmless_one() -> None:
    revoking = [command for command in COMMANDS if "revoke" in command.action]
    assert {command.id for command in revoking} == {"keys.revoke", "rotate.revoke_old"}
    assert {command.keys for command in revoking} == {"X"}
    taken = {key for command in COMMANDS for key in command.keys.split(",")}
    assert not {"x", "delete", "backspace", "ctrl+x"} & taken


def test_the_changelog_is_kept() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changelog
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_top_level_is_plain() -> None:
    allowed = {"pulsapi_tui", "tests", "screenshots", "pyproject.toml", "README.md", "CHANGELOG.md"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - {"LICENSE", "build", "dist"} == allowed
