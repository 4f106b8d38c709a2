"""Where effects go: a folder that another system reads, or a webhook; anything with `send` can stand in their place."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from aiops_flows.errors import NoAnswer, NotDelivered, UseCaseError
from aiops_flows.outgoing import Caller

__all__ = ["FolderSink", "Sink", "WebhookSink", "refuse_stored_secret", "sink_at"]

_TRY_AGAIN = frozenset({408, 409, 423, 425, 429})
_READ_BYTES = 65_536  # of an answer, only so that the connection can be used again
_READ_SECONDS = 1.0
_BY_SETTING = "env:"
_LIKE_A_TOKEN = re.compile(r"(?=.*\d)[\w.~%-]{16,}")  # Slack, Discord and others put it into the path
_STANDARD_SECRET = "whsec_"  # noqa: S105  the mark of a secret, not one


class Sink(Protocol):
    """What effects are sent to. One that may be called from several threads says from how many in ``at_once``."""

    @property
    def name(self) -> str:
        """Where they go, for people and for the case log; it must hold no secret."""
        ...

    def send(self, effect_id: str, message: bytes) -> None:
        """Take a message (JSON) that is the same each time the same effect comes; it may come more than once.

        Raises:
            NotDelivered: it was not taken; its reason must hold nothing of the message.
        """
        ...


@dataclass(frozen=True)
class FolderSink:
    """One JSON file for each effect, named by its id: there as a whole or not at all, and synced to the disk.

    An effect that comes again writes the same file again.
    """

    at_once: ClassVar[int] = 8
    folder: str | Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return f"folder {Path(self.folder).name}"

    def send(self, effect_id: str, message: bytes) -> None:
        """Write the file.

        Raises:
            NotDelivered: the folder cannot be written.
        """
        folder = Path(self.folder).expanduser()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds customers' data
            _write_whole(folder / f"{effect_id}.json", message)
        except OSError as fault:
            raise NotDelivered(f"the folder cannot be written: {fault.strerror}") from None


def _write_whole(path: Path, message: bytes) -> None:
    file, half = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(message)
            stream.flush()
            os.fsync(stream.fileno())
        Path(half).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(half).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else the name may be gone after a power cut
    finally:
        os.close(folder)


@dataclass(frozen=True, repr=False)
class WebhookSink:
    """One POST of JSON for each effect, with its id as ``Idempotency-Key`` and, given a secret, a signature.

    Taken is what is answered with 2xx. 408, 409, 423, 425, 429, 5xx, a time-out and an unreachable receiver are tried
    again; any other answer, a redirect included, is given up. Headers and signature are those of Standard Webhooks
    (https://www.standardwebhooks.com): ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, an
    HMAC-SHA256 of "id.timestamp.body".

    Raises:
        UseCaseError: the URL cannot be posted to or holds a password, or the secret is missing.
    """

    at_once: ClassVar[int] = 8
    url: str | SecretStr
    """Held as a secret: receivers often want a token in the query or the path."""
    secret_setting: str | None = None
    """Name of the environment variable that holds the secret; without it nothing is signed."""
    seconds: float = 10.0
    """For the whole call, from looking up the name to the status of the answer; then it counts as not taken."""
    label: str = ""
    """What it is called in logs and in the case log; by default its address without what may be a secret."""

    def __post_init__(self) -> None:
        address = self.url if isinstance(self.url, SecretStr) else SecretStr(self.url)
        object.__setattr__(self, "url", address)  # else whatever prints or stores the fields shows the token
        parts = _parts(address.get_secret_value())
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UseCaseError("a webhook needs a URL such as https://desk.example.com/effects")
        if parts.username or parts.password:
            raise UseCaseError(
                f"the URL of the webhook at {parts.hostname} holds a password, which would be shown and stored; give "
                "the receiver a secret instead (secret_setting names the environment variable that holds it)"
            )
        self._key()

    def __repr__(self) -> str:
        return f"WebhookSink({self.name!r})"

    @property
    def name(self) -> str:
        """Its label; else scheme, host and path, without the query and without parts of the path that look random."""
        return self.label or _shown(self._address)

    @property
    def _address(self) -> str:
        return self.url.get_secret_value() if isinstance(self.url, SecretStr) else self.url

    @cached_property
    def _caller(self) -> Caller:
        """What sends: connections are used again from effect to effect."""
        return Caller(_READ_BYTES, _READ_SECONDS)

    def _key(self) -> bytes | None:
        if self.secret_setting is None:
            return None
        secret = os.environ.get(self.secret_setting, "")
        try:
            key = (
                base64.b64decode(secret.removeprefix(_STANDARD_SECRET), validate=True)
                if secret.startswith(_STANDARD_SECRET)
                else secret.encode()
            )
        except binascii.Error:
            key = b""
        if not key:
            raise UseCaseError(
                f"the environment variable {self.secret_setting} holds no secret for {self.name}; set it to a text, "
                "or to whsec_ and base64, or leave secret_setting out to send without a signature"
            )
        return key

    def send(self, effect_id: str, message: bytes) -> None:
        """Post the message.

        Raises:
            NotDelivered: it was not answered with 2xx.
        """
        headers = self._headers(effect_id, message)
        try:
            answer = self._caller.call("POST", self._address, seconds=self.seconds, headers=headers, content=message)
        except NoAnswer as fault:
            raise NotDelivered(str(fault)) from None
        if not 200 <= answer.status < 300:
            for_good = answer.status < 500 and answer.status not in _TRY_AGAIN
            raise NotDelivered(f"answered {answer.status}", for_good=for_good)

    def _headers(self, effect_id: str, message: bytes) -> dict[str, str]:
        at = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": effect_id,
            "webhook-id": effect_id,
            "webhook-timestamp": at,
        }
        if (key := self._key()) is not None:
            signed = hmac.new(key, b".".join([effect_id.encode(), at.encode(), message]), hashlib.sha256).digest()
            headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
        return headers


def sink_at(place: str, secret_setting: str | None = None) -> Sink:
    """The sink that a text names: a webhook for ``https://…``, else a folder.

    ``env:NAME`` is a webhook whose URL is in the environment variable NAME, for a URL that holds a token.

    Raises:
        UseCaseError: it is a URL that cannot be posted to, or the URL or the secret is missing.
    """
    if place.startswith(_BY_SETTING):
        return _by_setting(place.removeprefix(_BY_SETTING), secret_setting)
    if "://" in place:
        return WebhookSink(place, secret_setting)
    return FolderSink(place)


def refuse_stored_secret(sink: str) -> None:
    """Refuse a URL that may hold a token, where the text of the sink is stored, as the parameters of a flow run are.

    Raises:
        UseCaseError: the URL has a login, a query or a fragment.
    """
    parts = _parts(sink) if "://" in sink else None
    if parts is not None and (parts.username or parts.password or parts.query or parts.fragment):
        raise UseCaseError(
            f"the URL of the sink at {parts.hostname} has a login or a query, and parameters of flow runs are stored "
            "and shown by Prefect; put the URL into an environment variable of the worker, such as DESK_URL, pass "
            "env:DESK_URL instead, and replace the token, which Prefect has stored now"
        )


def _by_setting(setting: str, secret_setting: str | None) -> WebhookSink:
    url = os.environ.get(setting, "").strip()
    if not url:
        raise UseCaseError(
            f"the environment variable {setting} holds no URL; set it to one such as https://desk.example.com/effects, "
            "where the worker runs"
        )
    parts = _parts(url)
    host = parts.hostname if parts else ""
    return WebhookSink(url, secret_setting, label=f"{host} ({setting})")


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL; None where it is none, such as one with a port that is not a number."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _shown(url: str) -> str:
    """Scheme, host and path of a URL, without what may be a token."""
    parts = urlsplit(url)
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    segments = ["…" if _LIKE_A_TOKEN.fullmatch(segment) else segment for segment in parts.path.split("/")]
    return f"{parts.scheme}://{host}{'/'.join(segments)}"
