"""What `--help` says below the options: targets, modes, codes, and the shapes of `--json`."""

from __future__ import annotations

ENV_VARIABLE = "PULSAPI_API_KEY"
"""The variable of an env file, where none is given."""

_KEY_JSON = """\
id, name, hint     text; the hint is the end of the secret
created_at         RFC 3339, in UTC
last_used_at       the same, or null
condition          rotating, this_session, in_use, idle or never_used
flags              a list of: due, duplicate, vague
"""


def _indented(by: str) -> str:
    # `textwrap` compiles four patterns when it is imported.
    return "".join(f"{by}{line}\n" for line in _KEY_JSON.splitlines())


LIST_EPILOG = f"""\
--json writes one object:
  account   id, email, display_name, timezone, plan, role, authenticated_key_id
  data      the keys that fit the filter, in the order asked for, each with
{_indented(" " * 12)}\
  shown     how many keys are in data
  total     how many keys the account has, those that do not fit the filter among them

example: revoke all keys that nothing uses
  pulsapi-tui keys list --filter is:idle --json | jq -r '.data[].id' \\
    | xargs pulsapi-tui keys revoke --yes
"""

SHOW_EPILOG = f"""\
--json writes one object:
{_indented("  ")}\
  condition_reason   a sentence
  flag_reasons       a sentence for each flag, in their order
"""

TARGETS = f"""\
targets:
  env:PATH      a variable of an env file: {ENV_VARIABLE}, or the one of --variable
  file:PATH     a new file of mode 0600, with the key and nothing else
  profile:NAME  a profile of this program, whose key is in the keyring or a file
  NAME          a program: pass, op, vault-put, vault-patch, gh, kubectl, doppler, aws-put,
                aws-create, or one of your own from config.toml; each where it is installed.
                --field id=value says what it must be told, where its default does not fit

A target that something speaks against (other people can read the file, git does not ignore it,
something else stands there) needs a yes: --yes, or an answer where there is a terminal. Nothing is
sent before that. Where a delivery fails after the key was made, the key is revoked at once.
"""

CREATE_EPILOG = f"""\
{TARGETS}
Without --json the new key's id is written, and with --reveal the key alone, on a line of its own.
--json writes one object: id, name, hint, created_at, where (null with --reveal), and with --reveal
key. With --dry-run: dry_run (true), name, where.
"""

REVOKE_EPILOG = """\
Without --yes it asks, as the screens do: for the name, or for the count. Where there is no terminal
to ask on, nothing is revoked.

--json writes one line for each key: id, name, state (revoked, already_gone, not_revoked, not_known,
and with --dry-run would_be_revoked), reason. The code is 0 only where all of them are dead.
"""

ROTATE_EPILOG = f"""\
A rotation creates a successor, delivers it, tries it with a real call, and leaves the old key to be
watched: both work then. It is written down: the screens show it, and the same command goes on with
one that was cut. --finish revokes the old key once it is known to be quiet (code 10 where it is
not; with --yes all the same), --status looks at both keys, and each look makes the answer better.
A successor whose secret was lost on the way is revoked and replaced only with a yes.

modes:
  overlap        the old key is revoked by --finish
  at-once        after a leak: the old key is revoked as soon as the successor works
  revoke-first   after a leak: the old key is revoked before its successor is made

{TARGETS}
--json writes one object: id (the rotation's), mode, step (create, deliver, prove, watch, revoke,
confirm, over), old and new (id, name, hint; new may be null), where, verdict (kind, headline,
reason, ready_in_s; null where it is no question), done (step, at, what), and with --reveal key:
then it is written as soon as the key is made, before it is tried. Without --json the id of the
successor is written. With --dry-run: dry_run (true), mode, old, new_name, where.
"""

CHECK_EPILOG = """\
Without --idle, --older and --unused it looks for idle and for old keys by the limits of config.toml
(30 and 90 days where it says nothing), and for keys never used for as long as makes a key idle.
With any of them, only for that. --unused leaves out keys of the last hour. Keys that were created
here and are not known to be stored anywhere are always found.

Code 9 where something was found, 0 where nothing was. For a login message: --quiet, one line where
something was found, and none where nothing was.

--json writes one object: account_id, total (how many keys the account has), data: each id,
name, hint, created_at, last_used_at, findings (a list of: unowned, idle, older, unused), reasons (a
sentence for each).
"""

SERVICES_EPILOG = """\
--json writes one object: data: each id, name, status (operational, degraded, partial_outage,
major_outage), group (or null), updated_at.
"""

WHOAMI_EPILOG = """\
--json writes one object: account (id, email, display_name, timezone, plan, role,
authenticated_key_id), profile, profile_is_saved, production, read_only, base_url, credential_from,
proxy, ca_file (empty where there is none), may_change (false where the role, the plan or read-only
stands against it), why_not.
"""
