"""The server against openapi.yaml, by schemathesis, with all of its checks."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import pulsapi_tui
from pulsapi_tui.server.seed import seed_demo
from tests.server.support import add_account, running

OPENAPI = Path(pulsapi_tui.__file__).with_name("openapi.yaml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")


def test_the_server_keeps_to_openapi(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    examples = "60" if pytestconfig.getoption("--thorough") else "20"
    with running(tmp_path / "test.sqlite") as server:
        # The session's key is not listed, so that the tool can't find and revoke it.
        secrets = server.with_store(lambda store: seed_demo(store, datetime.now(UTC), empty=True))
        server.with_store(lambda store: add_account(store, "stranger", keys=3))
        # In a file, as everybody can read a command line.
        config = tmp_path / "schemathesis.toml"
        config.touch(0o600)
        config.write_text(
            f'hooks = "{HOOKS}"\nheaders = {{ Authorization = "Bearer {secrets.session_key}" }}\n'
        )
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
        command += [str(OPENAPI), "--url", server.url, "--checks", "all", "--seed", "20261125"]
        command += ["--max-examples", examples]
        command += ["--no-color", "--continue-on-failure", "--warnings", "off"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert secrets.session_key not in done.stdout + done.stderr
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
