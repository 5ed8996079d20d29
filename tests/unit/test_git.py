"""Real repositories, and a git that is missing, broken, slow or misled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pulsapi_tui.delivery import git
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.delivery.secret_file import SecretFileSink
from tests.server.support import wait_until

if shutil.which("git") is None:
    pytest.skip("git is not installed", allow_module_level=True)

NOT_IGNORED = (
    "It lies inside the git work tree ~/app, which does not ignore it: it could be committed. "
    "Add it to .gitignore."
)
TRACKED = "git tracks it already: the key would be committed with it."
UNTOLD = (
    "It lies inside the git work tree ~/app, and git could not tell whether it is ignored: "
    "it could be committed. Look at .gitignore."
)


def run(directory: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(directory), *arguments], check=True, capture_output=True, timeout=60
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # Slow machines are not under test.
    monkeypatch.setattr(git, "TIMEOUT_S", 60.0)
    return tmp_path


@pytest.fixture
def app(home: Path) -> Path:
    """A repository."""
    directory = home / "app"
    directory.mkdir()
    run(directory, "init", "--quiet")
    return directory


def concern(
    directory: Path, name: str = ".env", environment: Mapping[str, str] | None = None
) -> str | None:
    return git.concern(directory, name, dict(os.environ if environment is None else environment))


def test_outside_of_a_work_tree(home: Path) -> None:
    assert concern(home) is None


def test_not_ignored_whether_it_is_there_or_not(app: Path) -> None:
    assert concern(app) == NOT_IGNORED
    (app / ".env").write_text("A=1\n")
    assert concern(app) == NOT_IGNORED
    (app / "sub").mkdir()
    assert concern(app / "sub") == NOT_IGNORED


@pytest.mark.parametrize("pattern", [".env", "/.env", ".*", "*"])
def test_ignored(app: Path, pattern: str) -> None:
    (app / ".gitignore").write_text(pattern + "\n")
    assert concern(app) is None


def test_ignored_by_other_means(app: Path, home: Path) -> None:
    (app / ".git" / "info").mkdir(exist_ok=True)
    (app / ".git" / "info" / "exclude").write_text("a.key\n")
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("b.key\n")
    (app / "sub").mkdir()
    (app / ".gitignore").write_text("sub/\n")
    assert concern(app, "a.key") is None
    assert concern(app, "b.key") is None
    assert concern(app / "sub", "c.key") is None
    assert concern(app, "c.key") == NOT_IGNORED


def test_tracked_is_said_even_where_it_is_ignored(app: Path) -> None:
    (app / ".env").write_text("A=1\n")
    run(app, "add", ".env")
    (app / ".gitignore").write_text(".env\n")
    assert concern(app) == TRACKED
    (app / ".env").unlink()
    assert concern(app) == TRACKED


@pytest.mark.parametrize("name", ["*", ":(glob)**", "--help", "-v", "a b", "[.]env", "\n", "é"])
def test_a_name_is_only_a_name(app: Path, name: str) -> None:
    (app / ".env").write_text("A=1\n")
    run(app, "add", ".env")
    assert concern(app, name) == NOT_IGNORED


def test_a_linked_directory_is_shown_as_the_user_gave_it(app: Path, home: Path) -> None:
    (home / "link").symlink_to("app")
    assert concern(home / "link") == NOT_IGNORED.replace("~/app", "~/link")


def test_a_work_tree_of_its_own(app: Path, home: Path) -> None:
    run(app, "-c", "user.name=n", "-c", "user.email=e", "commit", "--allow-empty", "-m", "m")
    run(app, "worktree", "add", str(home / "tree"))
    assert concern(home / "tree") == NOT_IGNORED.replace("~/app", "~/tree")


def test_the_environment_does_not_mislead_it(app: Path, home: Path) -> None:
    other = home / "other"
    other.mkdir()
    run(other, "init", "--quiet")
    (other / ".gitignore").write_text("*\n")
    environment = {
        **os.environ,
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_CEILING_DIRECTORIES": str(app),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.excludesFile",
        "GIT_CONFIG_VALUE_0": str(other / ".gitignore"),
    }
    assert concern(app, environment=environment) == NOT_IGNORED


def test_no_program_of_the_repository_is_run(app: Path, home: Path) -> None:
    hook = home / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {home}/ran\n")
    hook.chmod(0o755)
    (app / ".env").write_text("A=1\n")
    run(app, "add", ".env")
    run(app, "config", "core.fsmonitor", str(hook))
    assert concern(app) == TRACKED
    assert concern(app, "x") == NOT_IGNORED
    assert not (home / "ran").exists()


def test_nothing_in_the_repository_changes(app: Path) -> None:
    (app / ".env").write_text("A=1\n")
    run(app, "add", ".env")
    (app / ".env").touch()
    before = {each: each.stat().st_mtime_ns for each in (app / ".git").rglob("*")}
    concern(app)
    concern(app, "x")
    assert {each: each.stat().st_mtime_ns for each in (app / ".git").rglob("*")} == before


def fake(home: Path, script: str) -> dict[str, str]:
    """An environment whose git is a script."""
    tools = home / "tools"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "git").chmod(0o755)
    return {**os.environ, "PATH": f"{tools}:/usr/bin:/bin", "PULSAPI_API_KEY": "hidden"}


def test_without_git(app: Path, home: Path) -> None:
    environment = {"PATH": str(home)}
    missing = UNTOLD.replace("git could not tell", "git isn't here to tell")
    assert concern(app, environment=environment) == missing
    (app / "sub").mkdir()
    assert concern(app / "sub", environment=environment) == missing
    assert concern(home, environment=environment) is None


def test_a_git_that_fails(app: Path, home: Path) -> None:
    environment = fake(home, "exit 128")
    assert concern(app, environment=environment) == UNTOLD
    assert concern(home, environment=environment) is None


def test_a_git_that_can_t_be_run(app: Path, home: Path) -> None:
    environment = fake(home, "")
    (home / "tools" / "git").write_text("#!/no/such/interpreter\n")
    assert concern(app, environment=environment) == UNTOLD


def test_a_damaged_repository(app: Path) -> None:
    (app / ".env").write_text("A=1\n")
    run(app, "add", ".env")
    (app / ".git" / "index").write_bytes(b"damaged")
    assert concern(app) == UNTOLD


def test_a_git_that_hangs_is_ended_with_what_it_started(
    app: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "TIMEOUT_S", 0.5)
    started = home / "started"
    script = f'sleep 600 & echo $! > "{started}.new"; mv "{started}.new" "{started}"; wait'
    assert concern(app, environment=fake(home, script)) == UNTOLD
    # On a slow machine it may have been ended before it started anything.
    if started.exists():
        wait_until(lambda: not _is_running(int(started.read_text())))


def _is_running(process_id: int) -> bool:
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_git_gets_no_key_and_no_input(app: Path, home: Path) -> None:
    script = f'env > "{home}/seen"; cat >> "{home}/seen"; echo noise >&2; exit 1'
    assert concern(app, environment=fake(home, script)) == UNTOLD
    seen = (home / "seen").read_text()
    assert "GIT_OPTIONAL_LOCKS=0" in seen
    assert "hidden" not in seen


def test_both_sinks_say_it(app: Path) -> None:
    env_values = {"path": str(app / ".env"), "variable": "A"}
    assert EnvFileSink().concerns(env_values) == (NOT_IGNORED,)
    assert SecretFileSink().concerns({"path": str(app / "a.key")}) == (NOT_IGNORED,)
    (app / ".env").write_text("A=1\n")
    (app / ".env").chmod(0o640)
    run(app, "add", ".env")
    exposed, tracked = EnvFileSink().concerns(env_values)
    assert "(0640)" in exposed
    assert tracked == TRACKED
    (app / ".gitignore").write_text("*\n")
    assert SecretFileSink().concerns({"path": str(app / "a.key")}) == ()
