"""Who may send what over HTTP: this machine or who has the token, no other web page, and no body without bounds."""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiops_flows.errors import StackError

__all__ = ["MOST_BYTES", "Guard", "Refusal", "is_loopback", "rows_in"]

MOST_BYTES = 4 * 2**20
_DEEPEST = 32
_SHORTEST_TOKEN = 16
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}


@dataclass
class Refusal(Exception):
    """A request that is not carried out: the status and the reason. It is an answer, and never leaves this room."""

    status: int
    reason: str


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Guard:
    """Says of a request whether it is let in.

    Raises:
        StackError: the address is public and there is no token, or one that can be guessed.
    """

    host: str
    token: str = ""

    def __post_init__(self) -> None:
        if self.token and len(self.token) < _SHORTEST_TOKEN:
            raise StackError(f"AIOPS_SERVE_TOKEN has {len(self.token)} characters; take {_SHORTEST_TOKEN} or more")
        if not self.token and not is_loopback(self.host):
            raise StackError(
                f"{self.host} can be reached by others, and anybody could send cases there; set AIOPS_SERVE_TOKEN to a "
                "long random text that senders must know, or serve on 127.0.0.1"
            )

    def check(self, headers: Mapping[str, str]) -> None:
        """See that the sender may send cases.

        Raises:
            Refusal: it may not.
        """
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if self.token and not hmac.compare_digest(given.encode(), self.token.encode()):
            raise Refusal(401, "the token is missing or wrong; send Authorization: Bearer <AIOPS_SERVE_TOKEN>")
        host = headers.get("host", "")
        if not self.token and _name_of(host) not in _LOOPBACK_NAMES:  # a page elsewhere may have its name lead here
            raise Refusal(403, "cases are taken under the name localhost or 127.0.0.1 only")
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            raise Refusal(403, "cases are not taken from another site's page")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "send JSON, with the header Content-Type: application/json")


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def rows_in(body: bytes, most: int) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a body, and whether it was a list: one JSON object, or a list of them.

    Raises:
        Refusal: it is neither, is too deep, or holds more rows than may wait at once.
    """
    try:
        said = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is no JSON in UTF-8; send one object, or a list of objects") from None
    rows = said if isinstance(said, list) else [said]
    if wrong := [at for at, row in enumerate(rows) if not isinstance(row, dict)]:
        raise Refusal(400, f"send one object, or a list of objects; the entry {wrong[0]} is none")
    if len(rows) > most:
        raise Refusal(413, f"{len(rows)} cases at once; send {most} at most, or drop a file into the inbox")
    if any(_is_deep(row) for row in rows):
        raise Refusal(400, f"lists and objects are nested more than {_DEEPEST} deep")
    return rows, isinstance(said, list)


def _is_deep(value: Any) -> bool:
    """Whether lists and objects are nested deeper than anything that is a case."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
