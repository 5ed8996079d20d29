"""Deliver a key to a profile of this program: what the successor of its own key needs."""

from __future__ import annotations

from collections.abc import Mapping

from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.delivery import PROFILE_WAY, Delivered, Field, Preview, Way
from pulsapi_tui.domain.errors import CredentialError, DeliveryError, ProfilesError
from pulsapi_tui.domain.ports import Profiles
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean


class ProfileSink:
    """The `Sink` for the keyring entry or the file that a profile signs in from."""

    def __init__(self, profiles: Profiles, credentials: StoredCredentials) -> None:
        self._profiles = profiles
        self._credentials = credentials

    def has_any(self) -> bool:
        """Whether there is a profile that a key can be put into."""
        try:
            return any(each.source.is_ours for each in self._profiles.read().profiles)
        except ProfilesError:
            return False

    def way(self, key_name: str) -> Way:
        """The profile's name."""
        try:
            current = self._profiles.read().current
        except ProfilesError:
            current = ""
        return Way(
            id=PROFILE_WAY,
            title="A profile of this program",
            fields=(Field("profile", "Profile", current),),
            note="This program signs in with it from then on.",
        )

    def preview(self, values: Mapping[str, str]) -> Preview:
        """Which profile; whether there is one is seen later."""
        name = values.get("profile", "").strip()
        if not name:
            return Preview("Say which profile.", is_error=True)
        return Preview(f"Keeps the key for the profile “{clean(name)}”, and reads it back.")

    def concerns(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """None; whether another key stands there is asked by `held`."""
        self._profile(values)
        return ()

    def deliver(self, secret: Secret, values: Mapping[str, str]) -> Delivered:
        """Keep it where the profile's key is kept."""
        profile = self._profile(values)
        try:
            self._credentials.keep_now(profile, secret)
        except CredentialError as error:
            problem = error.user_message
        else:
            where = f"the profile “{profile.name}” ({profile.source.words})"
            return Delivered(where=where, message=f"Kept for {where}, and read back.")
        raise DeliveryError(problem)

    def held(self, values: Mapping[str, str]) -> Secret | None:
        """The key that the profile has now."""
        try:
            return self._credentials.read_now(self._profile(values))
        except CredentialError:
            return None

    def _profile(self, values: Mapping[str, str]) -> Profile:
        name = values.get("profile", "").strip()
        try:
            profile = self._profiles.read().get(name)
        except ProfilesError as error:
            problem = error.user_message
        else:
            if profile is not None and profile.source.is_ours:
                return profile
            problem = (
                f"There is no profile “{clean(name)}”. Give the name of one."
                if profile is None
                else f"The key of “{profile.name}” comes from {profile.source.words}, which this "
                "program can't write to. Deliver it there, or choose another place."
            )
        raise DeliveryError(problem)
