"""Bugs to be planted, each by one exact change of one file, and the tests that should catch it."""

# ruff: noqa: E501  # a row is a line
from __future__ import annotations

from typing import NamedTuple


class Plant(NamedTuple):
    """A bug."""

    id: str
    promise: str
    """What would not hold any more."""
    file: str
    """Below the top level."""
    old: str
    """Is in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """As pytest takes them."""


_IO = "tests/reliability/test_io_faults.py::test_nothing_is_lost_and_nothing_is_called_safe"

# fmt: off
PLANTS: tuple[Plant, ...] = (
    # The server
    Plant("server-sync", "A commit is on the disk before it is acknowledged.", "pulsapi_tui/server/store.py", '"synchronous=FULL"', '"synchronous=NORMAL"', ("tests/server/test_durability.py::test_commits_are_durable",)),
    Plant("server-revoked", "A revoked key is accepted no more.", "pulsapi_tui/server/store.py", '" WHERE k.digest = ? AND k.revoked_at IS NULL",', '" WHERE k.digest = ?",', ("tests/server/test_revoke_race.py",)),
    Plant("server-transaction", "A key is checked and acts in one transaction.", "pulsapi_tui/server/store.py", 'with self._transaction("BEGIN IMMEDIATE") as transaction:', 'with self._transaction("BEGIN") as transaction:', ("tests/server/test_revoke_race.py",)),
    Plant("server-rollback", "What failed is undone, and the next request works.", "pulsapi_tui/server/store.py", '                self._db.execute("ROLLBACK")', "                pass", ("tests/server/test_creates.py", "tests/server/test_contract_answers.py")),
    Plant("server-open", "A database that can't be opened is a sentence.", "pulsapi_tui/server/store.py", "        except sqlite3.DatabaseError as error:\n            raise StoreUnavailableError(str(error)) from None\n        try:\n", "        except ZeroDivisionError as error:\n            raise StoreUnavailableError(str(error)) from None\n        try:\n", (f"{_IO}[database]",)),
    Plant("server-host", "Another host's name is refused.", "pulsapi_tui/server/guard.py", "if len(hosts) != 1 or hosts[0].lower() not in self._hosts:", "if len(hosts) != 1:", ("tests/server/test_guard.py::test_another_host_is_misdirected",)),
    Plant("server-site", "Another site's requests are refused.", "pulsapi_tui/server/guard.py", "if not is_same_origin or any(site not in SAME_SITE for site in sites):", "if not is_same_origin:", ("tests/server/test_guard.py::test_another_site_is_refused",)),
    Plant("server-attempt", "A late repeat of a create mints nothing.", "pulsapi_tui/server/creates.py", "if attempt <= earlier.attempt or", "if attempt < earlier.attempt or", ("tests/server/test_creates.py",)),
    # The client
    Plant("client-post", "A create is never repeated by the client.", "pulsapi_tui/api/_retry.py", '_REPEATABLE = frozenset({"GET", "DELETE"})', '_REPEATABLE = frozenset({"GET", "DELETE", "POST"})', ("tests/unit/test_retry.py",)),
    Plant("client-redirect", "A redirect gets no byte of the key.", "pulsapi_tui/api/_http.py", "follow_redirects=False", "follow_redirects=True", ("tests/contract/test_faults.py::test_a_redirect_is_not_followed_and_the_other_server_gets_no_byte",)),
    Plant("client-proxy", "No proxy is taken from the environment.", "pulsapi_tui/api/_http.py", "trust_env=False", "trust_env=True", ("tests/contract/test_faults.py::test_an_environment_proxy_gets_nothing",)),
    Plant("client-deadline", "Each exchange ends by its deadline.", "pulsapi_tui/api/_http.py", "async with asyncio.timeout(deadline_s):", "async with asyncio.timeout(deadline_s + 1000):", ("tests/contract/test_faults.py::test_each_try_has_a_deadline_of_its_own",)),
    Plant("client-503", "A 503 may hide a key that was made.", "pulsapi_tui/domain/errors.py", "    \"\"\"The server, or something in front of it, failed.\"\"\"\n\n    may_have_acted = True", "    \"\"\"The server, or something in front of it, failed.\"\"\"\n\n    may_have_acted = False", ("tests/unit/test_problems.py", "tests/contract/test_creates.py", "tests/unit/test_create_flow.py")),
    Plant("client-account", "A profile is one account.", "pulsapi_tui/flows/guarded.py", "if wanted and account.id != wanted:", "if wanted and not account.id:", ("tests/ui/test_profiles.py::test_a_key_of_another_account_is_refused",)),
    # What is written down
    Plant("intent-first", "A create is written down before it is sent.", "pulsapi_tui/flows/create.py", "        journal.put(intent)\n    except PulsapiError as error:\n        return NotCreated(error)", "        journal.close()\n    except PulsapiError as error:\n        return NotCreated(error)", ("tests/unit/test_create_flow.py",)),
    Plant("intent-orphan", "A key that nobody has is named, not forgotten.", "pulsapi_tui/flows/create.py", "            orphans.append((intent, orphan))", "            journal.remove(intent.request_id)", ("tests/unit/test_create_flow.py",)),
    Plant("intent-settled", "A create that may still arrive is looked for.", "pulsapi_tui/flows/create.py", "        elif age_when_listed >= SETTLED_AFTER and", "        elif age_when_listed >= SETTLED_AFTER / 10 and", ("tests/unit/test_create_flow.py",)),
    Plant("file-sync", "What gets its name is on the disk.", "pulsapi_tui/files.py", "            rest = rest[written:]\n        os.fsync(file)", "            rest = rest[written:]", ("tests/unit/test_files.py::test_what_gets_its_name_is_on_disk",)),
    Plant("file-mode", "What is written is its owner's alone.", "pulsapi_tui/files.py", "os.fchmod(file, 0o600)", "os.fchmod(file, 0o644)", ("tests/unit/test_files.py::test_only_its_owner_can_read_it_whatever_the_umask",)),
    Plant("file-short", "A short write is gone on with.", "pulsapi_tui/files.py", "            rest = rest[written:]\n", "            rest = rest[len(rest):]\n", ("tests/unit/test_files.py::test_short_writes_are_gone_on_with",)),
    Plant("file-name", "What is there is never written over by a new file.", "pulsapi_tui/files.py", "            writing.named(scratch)\n            os.link(\n                scratch, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False\n            )", "            writing.named(scratch)\n            os.replace(scratch, name, src_dir_fd=directory, dst_dir_fd=directory)", ("tests/unit/test_files.py::test_creating_never_overwrites",)),
    Plant("journal-lock", "Two instances lose nothing of each other's.", "pulsapi_tui/config/journal_file.py", "fcntl.flock(lock, fcntl.LOCK_EX)\n", "fcntl.flock(lock, fcntl.LOCK_SH)\n", ("tests/unit/test_journal_file.py::test_two_processes_at_once_lose_nothing",)),
    Plant("journal-held", "A second window does not ask about what the first one shows.", "pulsapi_tui/config/journal_file.py", "            return True\n        else:\n            self._forget_lock(holder)", "            return False\n        else:\n            self._forget_lock(holder)", ("tests/unit/test_journal_file.py::test_another_instance_does_not_ask_of_what_this_one_is_at",)),
    Plant("journal-close", "A disk that fails at the end is no traceback.", "pulsapi_tui/config/journal_file.py", "        with suppress(OSError):\n            self._holder_path(holder).unlink()", "        self._holder_path(holder).unlink()", ("tests/unit/test_journal_file.py::test_a_lock_that_can_t_be_removed_is_no_error",)),
    Plant("targets-lock", "Two instances remember where keys went, both.", "pulsapi_tui/config/last_target.py", "fcntl.flock(directory, fcntl.LOCK_EX)", "fcntl.flock(directory, fcntl.LOCK_SH)", ("tests/unit/test_last_target.py::test_it_is_changed_under_the_lock_of_all_instances",)),
    Plant("targets-read", "What can't be read just now is not written over.", "pulsapi_tui/config/last_target.py", "except (FileNotFoundError, ValueError, msgspec.ValidationError):", "except (OSError, ValueError, msgspec.ValidationError):", ("tests/unit/test_last_target.py::test_what_can_t_be_read_just_now_is_kept",)),
    Plant("log-sync", "A line of the log is on the disk when it is said to be.", "pulsapi_tui/config/action_log.py", "                os.ftruncate(file, size)\n", "", ("tests/unit/test_action_log.py::test_a_write_that_came_half_is_taken_back",)),
    # Times
    Plant("clock-server", "A clock that jumps makes nothing safe.", "pulsapi_tui/api/client.py", '                    self._hear_time(answer.headers.get("date", ""))\n', "", (f"{_IO}[clock]",)),
    Plant("verdict-quiet", "An old key is quiet only after three of its pauses.", "pulsapi_tui/domain/verdict.py", "MANY_TIMES = 3", "MANY_TIMES = 1", ("tests/unit/test_verdict.py::test_the_words",)),
    Plant("revoke-claimed", "A revoke is claimed only when it is known.", "pulsapi_tui/flows/revoke.py", "        state = RevokeState.UNKNOWN if uncertain else RevokeState.NOT_REVOKED", "        state = RevokeState.REVOKED if uncertain else RevokeState.NOT_REVOKED", ("tests/unit/test_revoke_flow.py",)),
    # Secrets, and what is drawn
    Plant("secret-repr", "A secret is not printed.", "pulsapi_tui/domain/secret.py", "    def __repr__(self) -> str:\n        return \"<Secret>\"", "    def __repr__(self) -> str:\n        return f\"<Secret {self._text}>\"", ("tests/unit/test_secret.py::test_printing_shows_no_secret",)),
    Plant("secret-pasted", "A part of the key is no proof that one has it.", "pulsapi_tui/ui/screens/reveal_key.py", "if self._created.secret.matches(pasted):", "if pasted and self._created.secret.reveal().startswith(pasted):", ("tests/ui/test_create_and_reveal.py",)),
    Plant("text-clean", "What acts on a terminal is not drawn.", "pulsapi_tui/domain/text.py", '{"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}', '{"Cf", "Cs", "Co", "Cn", "Zl", "Zp"}', ("tests/unit/test_text.py",)),
    Plant("text-markup", "Data is drawn as it is, and never as markup.", "pulsapi_tui/ui/literal.py", "return Content.assemble((text, style)) if style else Content(text)", "return Content.assemble((text, style)) if style else Content.from_markup(text)", ("tests/ui/test_hostile_text.py",)),
    Plant("dialog-default", "What revokes opens on the harmless button.", "pulsapi_tui/ui/screens/revoke_key.py", 'AUTO_FOCUS = "#cancel"', 'AUTO_FOCUS = "#confirm"', ("tests/ui/test_revoke.py::test_opens_on_cancel_and_says_what_happens",)),
    Plant("dialog-mark", "A dialog of a production account bears its mark.", "pulsapi_tui/ui/widgets/dialog.py", "            if marked is not None:", "            if marked is None:", ("tests/ui/test_profiles.py::test_the_mark_is_on_the_page_and_in_what_destroys",)),
    # Deliveries
    Plant("run-shell", "A program is run without a shell.", "pulsapi_tui/running.py", "                argv,\n                bufsize=0,", "                \" \".join(argv),\n                shell=True,\n                bufsize=0,", ("tests/unit/test_command.py",)),
    Plant("env-proof", "A delivery is claimed once it was read back.", "pulsapi_tui/delivery/env_file.py", "        if held and all(secret.matches(value.decode(\"latin-1\")) for value in held):", "        if held or not held:", ("tests/unit/test_env_file.py::test_what_reads_back_differently_is_no_success",)),
    Plant("env-meanwhile", "A change that comes in between is not written over.", "pulsapi_tui/delivery/env_file.py", "        if read(directory, place, MAX_BYTES) != before:\n            raise changed", "        if read(directory, place, MAX_BYTES) is None:\n            raise changed", ("tests/unit/test_env_file.py::test_a_change_meanwhile_is_seen",)),
    Plant("read-only", "A profile that is read-only changes nothing.", "pulsapi_tui/flows/guarded.py", "        self._may_change()\n        return await self._service.create_key(name, request_id, attempt)", "        return await self._service.create_key(name, request_id, attempt)", ("tests/unit/test_access.py::test_a_read_only_profile_sends_no_change_whoever_asks",)),
)
# fmt: on
