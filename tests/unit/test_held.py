"""What stands in a target now: read for a rotation, and never a guess."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pulsapi_tui.delivery.command import CommandSink
from pulsapi_tui.delivery.deliveries import Deliveries
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.delivery.recipes import RECIPES
from pulsapi_tui.delivery.secret_file import SecretFileSink
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY


def env(path: Path, text: str) -> dict[str, str]:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return {"path": str(path), "variable": "KEY"}


@pytest.mark.parametrize(
    "line",
    [
        f"KEY={CANARY}",
        f"export KEY='{CANARY}'",
        f'KEY="{CANARY}"  # ours',
        # A delivery overwrites both, and what a shell has is lost.
        f"KEY=other\nKEY={CANARY}",
    ],
)
def test_the_value_of_a_variable(tmp_path: Path, line: str) -> None:
    held = EnvFileSink({}).held(env(tmp_path / ".env", f"A=1\n{line}\nB=2\n"))
    assert held is not None
    assert held.matches(CANARY)


@pytest.mark.parametrize("text", ["", "A=1\n", "KEY=\n"])
def test_where_there_is_none_nothing_is_held(tmp_path: Path, text: str) -> None:
    assert EnvFileSink({}).held(env(tmp_path / ".env", text)) is None


def test_an_env_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert EnvFileSink({}).held({"path": str(tmp_path / ".env"), "variable": "KEY"}) is None


def test_the_content_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    sink = SecretFileSink({})
    assert sink.held({"path": str(path)}) is None
    sink.deliver(Secret(CANARY), {"path": str(path)})
    held = sink.held({"path": str(path)})
    assert held is not None
    assert held.matches(CANARY)


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.touch(0o600)
    assert SecretFileSink({}).held({"path": str(path)}) is None


@pytest.mark.parametrize("sink", [EnvFileSink({}), SecretFileSink({})])
def test_a_link_is_not_followed(tmp_path: Path, sink: EnvFileSink | SecretFileSink) -> None:
    env(tmp_path / "real", f"KEY={CANARY}\n")
    os.symlink(tmp_path / "real", tmp_path / "link")
    with pytest.raises(DeliveryError) as caught:
        sink.held({"path": str(tmp_path / "link"), "variable": "KEY"})
    assert CANARY not in caught.value.user_message


def test_what_a_command_stored_is_not_asked_for() -> None:
    assert CommandSink(RECIPES[0], {}).held({"path": "a"}) is None


async def test_a_target_from_before_this_start_can_be_read(tmp_path: Path) -> None:
    values = env(tmp_path / ".env", f"KEY={CANARY}\n")
    deliveries = Deliveries(lambda: [EnvFileSink({})])
    held = await deliveries.held(Target(way_id="env_file", values=values))
    assert held is not None
    assert held.matches(CANARY)


async def test_a_way_that_is_gone_is_said() -> None:
    deliveries = Deliveries(lambda: [EnvFileSink({})])
    with pytest.raises(DeliveryError, match="not to be had here any more"):
        await deliveries.held(Target(way_id="command:gone", values={}))
