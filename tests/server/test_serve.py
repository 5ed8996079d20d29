"""`serve`: its messages, its key file, and what stays over a restart."""

import errno
import signal
import socket
import stat
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from pulsapi_tui.server.listen import (
    ListenError,
    allowed_hosts,
    base_url,
    check_listen,
    open_socket,
)
from tests.server.support import DEADLINE_S, finish, read_url, start_serve


def get(url: str, secret: str, path: str = "/v1/account") -> httpx.Response:
    return httpx.get(
        url + path, headers={"Authorization": f"Bearer {secret}"}, trust_env=False, timeout=10
    )


def test_the_first_start_makes_an_account_and_says_where_its_key_is(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "it's data"
    process = start_serve(data_dir)
    url = read_url(process)
    key_file = data_dir / "owner.key"
    secret = key_file.read_text().strip()
    account = get(url, secret).json()
    assert (account["plan"], account["role"]) == ("pro", "owner")
    # Used a second time, so that there is something to write at the end.
    get(url, secret)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    assert process.stdout is not None
    # Read through the same buffer as the first line was.
    stdout = process.stdout.read()
    _, stderr = process.communicate()
    assert stderr == ""
    assert f"export PULSAPI_BASE_URL={url}\n" in stdout
    assert str(key_file) in stdout
    assert """export PULSAPI_API_KEY="$(cat '""" in stdout
    assert secret not in stdout
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    for path in data_dir.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_file_whose_key_is_dead_is_not_recommended(tmp_path: Path) -> None:
    process = start_serve(tmp_path / "data")
    url = read_url(process)
    secret = (tmp_path / "data" / "owner.key").read_text().strip()
    own_id = get(url, secret).json()["authenticated_key_id"]
    signed = {"Authorization": f"Bearer {secret}"}
    other = httpx.post(f"{url}/v1/api-keys", json={"name": "CI"}, headers=signed).json()
    signed = {"Authorization": f"Bearer {other['key']}"}
    assert httpx.delete(f"{url}/v1/api-keys/{own_id}", headers=signed).status_code == 204
    process.send_signal(signal.SIGINT)
    assert finish(process) == 0

    process = start_serve(tmp_path / "data")
    url = read_url(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0
    assert process.stdout is not None
    # Read through the same buffer as the first line was.
    stdout = process.stdout.read()
    process.communicate()
    assert f"export PULSAPI_BASE_URL={url}\n" in stdout
    assert "does not work any more" in stdout
    assert "PULSAPI_API_KEY" not in stdout


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    process = start_serve(tmp_path / "data")
    url = read_url(process)
    secret = (tmp_path / "data" / "owner.key").read_text().strip()
    headers = {"Authorization": f"Bearer {secret}"}
    created = httpx.post(f"{url}/v1/api-keys", json={"name": "CI"}, headers=headers).json()
    before = get(url, secret, "/v1/api-keys").json()
    process.send_signal(signal.SIGINT)
    assert finish(process) == 0

    process = start_serve(tmp_path / "data")
    url = read_url(process)
    assert (tmp_path / "data" / "owner.key").read_text().strip() == secret
    after = get(url, secret, "/v1/api-keys").json()
    assert [key["id"] for key in after["data"]] == [key["id"] for key in before["data"]]
    # The use that came after the list was made is not lost with the process.
    assert after["data"][1]["last_used_at"] > before["data"][1]["last_used_at"]
    assert get(url, created["key"]).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 0


def test_a_first_start_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    """The key file was written, the account was not; a link in its place is not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    data_dir = tmp_path / "data"
    data_dir.mkdir(0o700)
    (data_dir / "owner.key").symlink_to(elsewhere)
    process = start_serve(data_dir)
    url = read_url(process)
    assert elsewhere.read_text() == "precious"
    assert get(url, (data_dir / "owner.key").read_text().strip()).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 0


def refused(data_dir: Path, host: str = "127.0.0.1", port: int = 0) -> tuple[int, str]:
    process = start_serve(data_dir, host, port)
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    assert stdout == ""
    assert stderr.count("\n") == 1
    return process.returncode, stderr


def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, line = refused(tmp_path / "data", port=port)
    assert (code, str(port) in line) == (1, True)
    assert line.rstrip().endswith("in use. Choose another one: --port N")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_bad_port_is_one_line_and_exit_code_2(tmp_path: Path, port: int) -> None:
    code, line = refused(tmp_path / "data", port=port)
    assert (code, "--port" in line) == (2, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", "", "127.0.0.1 "])  # noqa: S104
def test_a_host_that_is_not_loopback_is_one_line_and_exit_code_2(tmp_path: Path, host: str) -> None:
    code, line = refused(tmp_path / "data", host=host)
    assert (code, "--host" in line) == (2, True)


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    process = start_serve(tmp_path / "data")
    read_url(process)
    code, line = refused(tmp_path / "data")
    assert (code, "another server" in line, "--data DIR" in line) == (1, True, True)
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 0


def test_data_that_are_no_database_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "pulsapi.sqlite").write_bytes(b"no database, but long enough to be read" * 40)
    code, line = refused(tmp_path)
    assert (code, str(tmp_path) in line) == (1, True)


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert refused(tmp_path / "file" / "data")[0] == 1


def test_a_reader_that_went_away_does_not_stop_it(tmp_path: Path) -> None:
    process = start_serve(tmp_path / "data")
    url = read_url(process)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert get(url, (tmp_path / "data" / "owner.key").read_text().strip()).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 0


def test_hosts_and_urls_of_a_socket() -> None:
    with closing(open_socket("localhost", 0)) as listener:
        port = listener.getsockname()[1]
        assert base_url(listener) == f"http://127.0.0.1:{port}"
        assert allowed_hosts(listener) == {f"127.0.0.1:{port}", f"localhost:{port}"}


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
def test_ipv6_loopback() -> None:
    with closing(open_socket("::1", 0)) as listener:
        port = listener.getsockname()[1]
        assert base_url(listener) == f"http://[::1]:{port}"
        assert f"[::1]:{port}" in allowed_hosts(listener)


def test_check_listen_names_the_address() -> None:
    assert check_listen("localhost", 0) == "127.0.0.1"
    assert check_listen("127.0.0.2", 65535) == "127.0.0.2"
    with pytest.raises(ListenError) as caught:
        check_listen("10.0.0.1", 80)
    assert caught.value.exit_code == 2


def test_a_port_that_is_not_ours_to_take_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ListenError) as refusal:
        open_socket("127.0.0.1", 80)
    assert refusal.value.exit_code == 1
    assert "80" in str(refusal.value)
    assert "\n" not in str(refusal.value)
