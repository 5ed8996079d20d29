"""`pulsapi-tui keys list` and `keys show`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.output import say, write_json, write_table
from pulsapi_tui.cli.picking import pick
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.filters import KeyFilter, hint_for, parse_filter, predicates_of
from pulsapi_tui.domain.health import Judge
from pulsapi_tui.domain.key_list import KeyList, SortColumn, haystack, sort_keys
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import absolute, ago, zone

HEAD = ("Name", "Created", "Last Used", "Health", "Id")


async def list_keys(work: Work) -> int:
    """Print all keys that fit the filter."""
    arguments = work.arguments
    asked = _filter(arguments.filter)
    await work.sign_in()
    listed = await work.list_keys()
    now = work.clock.now()
    judge = judge_of(work, listed, now)
    keys = _sorted(_fitting(listed.keys, asked, judge), arguments.sort, arguments.reverse)
    if arguments.json:
        write_json(
            {
                "account": shapes.of_account(work.account),
                "data": [shapes.of_key_with(key, judge.health(key)) for key in keys],
                "shown": len(keys),
                "total": len(listed),
            }
        )
    elif keys:
        write_table(HEAD, (_row(key, judge, now) for key in keys))
    else:
        say("No key fits the filter." if listed.keys else "This account has no keys.")
    return exits.DONE


async def show(work: Work) -> int:
    """Print all about one key."""
    await work.sign_in()
    listed = await work.list_keys()
    key = pick(listed, work.arguments.key)
    now = work.clock.now()
    health = judge_of(work, listed, now).health(key)
    if work.arguments.json:
        reasons = [each.reason for each in health.flags]
        write_json(
            {
                **shapes.of_key_with(key, health),
                "condition_reason": health.reason,
                "flag_reasons": reasons,
            }
        )
        return exits.DONE
    timezone = zone(work.account.timezone)
    used = "never"
    if key.last_used_at is not None:
        used = f"{absolute(key.last_used_at, timezone)} ({ago(key.last_used_at, now)})"
    created = f"{absolute(key.created_at, timezone)} ({ago(key.created_at, now)})"
    rows = [
        ("Id", key.id),
        ("Hint", f"…{key.hint}"),
        ("Created", created),
        ("Last Used", used),
        ("Health", f"{health.word}. {health.reason}"),
        *(("", each.reason) for each in health.flags),
    ]
    write_table(("Name", key.name), rows, wraps=True)
    return exits.DONE


def judge_of(work: Work, listed: KeyList, now: datetime) -> Judge:
    """Judges the keys as the screens do; after `Work.list_keys`."""
    return Judge(
        now,
        work.account.authenticated_key_id,
        listed.duplicate_names,
        work.limits,
        work.ends.rotating,
    )


def _filter(text: str) -> KeyFilter:
    asked = parse_filter(text)
    if asked.unknown is not None:
        raise exits.StoppedError(f"{hint_for(asked.unknown)}", exits.USAGE)
    return asked


def _fitting(keys: Sequence[ApiKey], asked: KeyFilter, judge: Judge) -> list[ApiKey]:
    predicates = predicates_of(asked.tokens, judge)
    needle = asked.needle.casefold()
    return [
        key for key in keys if needle in haystack(key) and all(holds(key) for holds in predicates)
    ]


def _sorted(keys: Sequence[ApiKey], column: str, reverse: bool) -> Sequence[ApiKey]:
    by = SortColumn(column.replace("-", "_"))
    return sort_keys(keys, by, descending=(by is not SortColumn.NAME) is not reverse)


def _row(key: ApiKey, judge: Judge, now: datetime) -> tuple[str, str, str, str, str]:
    used = "never" if key.last_used_at is None else ago(key.last_used_at, now)
    return key.name, ago(key.created_at, now), used, judge.health(key).word, key.id
