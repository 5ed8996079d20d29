"""What the options and the environment ask for, and the account that this means."""

from __future__ import annotations

import argparse
import asyncio
import os

from pulsapi_tui.domain.profiles import Kept, Network
from pulsapi_tui.wiring.access import Access, Asked, access
from pulsapi_tui.wiring.accounts import credentials_here, profiles_here


def asked_for(arguments: argparse.Namespace, key: str) -> Asked:
    """What the options and the environment ask for; `key` is `PULSAPI_API_KEY`."""
    return Asked.of(
        key,
        os.environ,
        profile=arguments.profile,
        base_url=arguments.base_url,
        network=Network(arguments.ca_file or "", arguments.proxy or ""),
        read_only=arguments.read_only,
    )


def account_asked_for(arguments: argparse.Namespace, key: str) -> Access | None:
    """The account that is meant; None where there is none. Raises `PulsapiError`.

    The command of a profile runs now, while the terminal is free for what it may ask.
    """
    asked = access(asked_for(arguments, key), profiles_here().read())
    if asked is None or asked.key is not None or asked.profile.source.kept is not Kept.COMMAND:
        return asked
    return asked._replace(key=asyncio.run(asked.credential(credentials_here(may_prompt=True))))
