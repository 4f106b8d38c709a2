"""Where effects go: a folder that another system reads, or a webhook; anything with `send` can stand in their place."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol
from urllib.parse import urlsplit

from aiops_flows.errors import NotDelivered, UseCaseError

if TYPE_CHECKING:
    import httpx

__all__ = ["FolderSink", "Sink", "WebhookSink", "sink_at"]

_TRY_AGAIN = frozenset({408, 409, 423, 425, 429})
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


@dataclass(frozen=True)
class WebhookSink:
    """One POST of JSON for each effect, with its id as ``Idempotency-Key`` and, given a secret, a signature.

    Taken is what is answered with 2xx. 408, 409, 423, 425, 429, 5xx, a time-out and an unreachable receiver are tried
    again; any other answer, a redirect included, is given up. Headers and signature are those of Standard Webhooks
    (https://www.standardwebhooks.com): ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, an
    HMAC-SHA256 of "id.timestamp.body".
    """

    at_once: ClassVar[int] = 8
    url: str
    secret_setting: str | None = None
    """Name of the environment variable that holds the secret; without it nothing is signed."""
    seconds: float = 10.0
    """After so long without an answer it counts as not taken."""
    _client: list[httpx.Client] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UseCaseError("a webhook needs a URL such as https://desk.example.com/effects")
        if parts.username or parts.password:
            raise UseCaseError(
                f"the URL of the webhook at {parts.hostname} holds a password, which would be shown and stored; give "
                "the receiver a secret instead (secret_setting names the environment variable that holds it)"
            )
        self._key()

    @property
    def name(self) -> str:
        """Scheme, host and path, without the query, in which receivers often put a token."""
        parts = urlsplit(self.url)
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        return f"{parts.scheme}://{host}{parts.path}"

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
        import httpx

        try:
            with self._open().stream(
                "POST", self.url, content=message, headers=self._headers(effect_id, message)
            ) as got:
                status = got.status_code  # what else is answered is never read, however long it is
        except httpx.HTTPError as fault:  # its text may quote the URL
            raise NotDelivered(f"{type(fault).__name__} within {self.seconds:g} s") from None
        if not 200 <= status < 300:
            for_good = status < 500 and status not in _TRY_AGAIN
            raise NotDelivered(f"answered {status}", for_good=for_good)

    def _open(self) -> httpx.Client:
        """One connection for many effects, opened when the first is sent."""
        import httpx

        if not self._client:
            self._client.append(httpx.Client(timeout=self.seconds, follow_redirects=False, trust_env=False))
        return self._client[0]

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

    Raises:
        UseCaseError: it is a URL that cannot be posted to, or the secret is missing.
    """
    if "://" in place:
        return WebhookSink(place, secret_setting)
    return FolderSink(place)
