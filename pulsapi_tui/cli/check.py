"""`pulsapi-tui check`: tell by the exit code whether keys are idle or old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.output import say, write, write_json, write_table
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.findings import Finding, Found, findings, wanted

HEAD = ("Name", "Id", "Found", "Why")

_WORDS = {
    Found.UNOWNED: "without an owner",
    Found.IDLE: "idle",
    Found.OLDER: "due for rotation",
    Found.UNUSED: "never used",
}
_IN_TABLE = {found: _WORDS[found] for found in (Found.UNOWNED, Found.UNUSED)}
"""What is another word there than in `--json`; how old is old may have been asked for."""


async def check(work: Work) -> int:
    """Look for what was asked for, and print what was found."""
    arguments = work.arguments
    asked = wanted(work.limits, idle=arguments.idle, older=arguments.older, unused=arguments.unused)
    account = await work.sign_in()
    listed = await work.list_keys(tell_rotations=not arguments.quiet)
    found = findings(
        listed.keys,
        asked,
        work.clock.now(),
        session_key_id=account.authenticated_key_id,
        rotating=work.ends.rotating,
        unowned=work.ends.unowned,
    )
    if arguments.json:
        write_json(
            {
                "account_id": account.id,
                "total": len(listed),
                "data": [
                    {
                        **shapes.of_key(each.key),
                        "findings": [what.value for what in each.found],
                        "reasons": each.reasons,
                    }
                    for each in found
                ],
            }
        )
    elif arguments.quiet:
        if found:
            write([_summary(work, found).encode()])
    elif found:
        write_table(HEAD, map(_row, found), wraps=True)
    else:
        say(f"Nothing found: {len(listed)} key{'s' * (len(listed) != 1)} looked at.")
    return exits.FOUND if found else exits.DONE


def _row(each: Finding) -> tuple[str, str, str, str]:
    return (
        each.key.name,
        each.key.id,
        ", ".join(_IN_TABLE.get(what, what) for what in each.found),
        " ".join(each.reasons),
    )


def _summary(work: Work, found: Sequence[Finding]) -> str:
    counts = Counter(what for each in found for what in each.found)
    parts = [f"{counts[what]} {_WORDS[what]}" for what in Found if counts[what]]
    of = f"PulsAPI keys of {work.account.email}"
    return f"{of}: {', '.join(parts)} (see: pulsapi-tui check)"
