"""`pulsapi-tui services` and `whoami`."""

from __future__ import annotations

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.output import say, write_json, write_table
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.permissions import NOTHING_CHANGES, why_no_changes
from pulsapi_tui.domain.text import clean
from pulsapi_tui.domain.times import ago

HEAD = ("Name", "Status", "Group", "Updated")


async def services(work: Work) -> int:
    """Print the services that the account watches."""
    await work.sign_in()
    found = await work.session.service.services()
    if work.arguments.json:
        write_json(
            {
                "data": [
                    {
                        "id": each.id,
                        "name": each.name,
                        "status": each.status,
                        "group": each.group,
                        "updated_at": each.updated_at,
                    }
                    for each in found
                ]
            }
        )
    elif found:
        now = work.clock.now()
        write_table(
            HEAD,
            (
                (
                    each.name,
                    each.status.replace("_", " "),
                    each.group or "",
                    ago(each.updated_at, now),
                )
                for each in found
            ),
        )
    else:
        say("This account watches no services.")
    return exits.DONE


async def whoami(work: Work) -> int:
    """Print which account this is, and how it is reached."""
    account = await work.sign_in()
    profile, saved = work.access.profile, work.access.is_saved
    reason = NOTHING_CHANGES if profile.read_only else why_no_changes(account)
    if work.arguments.json:
        write_json(
            {
                "account": shapes.of_account(account),
                "profile": profile.name,
                "profile_is_saved": saved,
                "production": profile.production,
                "read_only": profile.read_only,
                "base_url": work.session.service.origin,
                "credential_from": work.session.credential_from,
                "proxy": profile.network.proxy,
                "ca_file": profile.network.ca_file,
                "may_change": reason is None,
                "why_not": reason or "",
            }
        )
        return exits.DONE
    marks = [word for word, holds in (("production", profile.production),) if holds]
    rows = [
        ("Plan", account.plan),
        ("Role", account.role),
        ("Profile", ", ".join([profile.name, *marks]) if saved else "none"),
        ("Base URL", work.session.service.origin),
        ("Key from", work.session.credential_from),
        ("Key id", account.authenticated_key_id),
        ("Proxy", profile.network.proxy or "none"),
        ("CA file", clean(profile.network.ca_file) or "the system's"),
        ("Changes", "allowed" if reason is None else reason),
    ]
    write_table(("Account", f"{account.email} ({account.id})"), rows, wraps=True)
    return exits.DONE
