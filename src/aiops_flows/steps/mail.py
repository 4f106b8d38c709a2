"""Conversations from mails: the messages of mbox and eml files, put together as they answer each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiops_flows.errors import SourceError
from aiops_flows.steps.delivery import Delivery, Unreadable, file_bytes
from aiops_flows.steps.mail_message import Mail, NoMail, digest_of, read_mail

__all__ = ["MailBox", "mail_delivery", "mail_files"]

_KEPT = 100_000  # characters of a refused mail that stand in the quarantine
_START = re.compile(rb"(?:\A|\n\r?\n)From [^\n]*\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw|wg|antw|sv|rv|tr|rif)(?:\[\d+\])?:\s*)+", re.IGNORECASE)


@dataclass(frozen=True)
class MailBox:
    """Mails in an mbox file, an eml file or a folder of both; one case for each conversation.

    Without ``agents``, who began a conversation is its customer, and who answers is an agent. A sender can be forged:
    a mail that says it comes from an agent is taken as an agent's, unless the server that received it refuses such.
    """

    path: str | Path
    agents: Sequence[str] = ()
    """Addresses of agents; one that begins with ``@`` stands for a whole domain."""


@dataclass
class _Conversation:
    """Mails that answer each other."""

    mails: list[Mail] = field(default_factory=list)
    people: set[str] = field(default_factory=set)


def mail_files(box: MailBox) -> list[Path]:
    """The files of a mail box, by name.

    Raises:
        SourceError: nothing is there.
    """
    path = Path(box.path)
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and _is_mail(file))
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; mails are read from .mbox and .eml files")
    return [path]


def _is_mail(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower().removesuffix(".gz").endswith((".mbox", ".eml"))


def mail_delivery(
    name: str, files: Iterable[Path], agents: Sequence[str] = (), *, file: Path | None = None
) -> Delivery:
    """The conversations of some files: one row each; what is no mail is told apart with the reason.

    A row has ``case_id`` (of the mails it holds: a conversation that went on is another case), ``received_at`` (of
    the last mail), ``subject``, ``thread``, ``channel``, ``customer`` (the address), ``conversation`` (the same for
    all cases of one conversation) and ``attachments`` (their names).

    Raises:
        SourceError: a file cannot be read.
    """
    mails: dict[str, Mail] = {}
    unreadable: list[Unreadable] = []
    for path in files:
        for raw in _messages(path):
            try:
                mail = read_mail(raw)
            except NoMail as fault:
                unreadable.append(
                    Unreadable(raw[:_KEPT].decode(errors="surrogateescape"), f"no readable mail: {fault}")
                )
            else:
                same = mails.setdefault(mail.name, mail)
                if same != mail:  # another mail under the same id is not dropped
                    mails[f"{mail.name}{digest_of(raw)}"] = mail
    known = frozenset(address.lower() for address in agents)
    rows = [_row(conversation, known) for conversation in _conversations(list(mails.values()), known)]
    return Delivery(name, list(dict.fromkeys(column for row in rows for column in row)), rows, unreadable, file)


def _messages(path: Path) -> Iterator[bytes]:
    """The raw messages of a file."""
    data = file_bytes(path)
    starts = list(_START.finditer(data)) if path.name.lower().removesuffix(".gz").endswith(".mbox") else []
    if not starts:
        if data.strip():
            yield data
        return
    if data[: starts[0].start()].strip():
        yield data[: starts[0].start()]
    ends = [*(start.start() for start in starts[1:]), len(data)]
    for start, end in zip(starts, ends, strict=True):
        yield _QUOTED_FROM.sub(rb"\1", data[start.end() : end])


def _conversations(mails: Sequence[Mail], agents: frozenset[str]) -> list[_Conversation]:
    """Mails put together by what they answer; by a reply's subject only where it names nothing that it answers.

    Who was not part of a conversation does not get into it, whatever a mail says it answers.
    """
    found: list[_Conversation] = []
    by_id: dict[str, _Conversation] = {}
    by_subject: dict[tuple[str, str], _Conversation] = {}
    for mail in _in_order(mails):
        subject = _REPLY.sub("", mail.subject).lower()
        nearest = [by_id[name] for name in (mail.name, *mail.answers) if name in by_id]
        if not mail.answers and _REPLY.match(mail.subject):
            nearest += [by_subject[subject, person] for person in mail.people if (subject, person) in by_subject]
        conversation = next((each for each in nearest if _belongs(mail, each, agents)), None)
        if conversation is None:
            conversation = _Conversation()
            found.append(conversation)
        conversation.mails.append(mail)
        conversation.people |= mail.people
        by_id[mail.name] = conversation
        for name in mail.answers:
            by_id.setdefault(name, conversation)
        for person in mail.people:
            by_subject[subject, person] = conversation
    return found


def _in_order(mails: Sequence[Mail]) -> list[Mail]:
    """By their dates; a mail without one stands where the file has it."""
    order: list[tuple[float, Mail]] = []
    last = 0.0
    for mail in mails:
        last = mail.at.timestamp() if mail.at else last
        order.append((last, mail))
    return [mail for _, mail in sorted(order, key=lambda pair: pair[0])]


def _belongs(mail: Mail, conversation: _Conversation, agents: frozenset[str]) -> bool:
    """Whether its sender is one of the people of a conversation, or an agent who writes to one of them."""
    if mail.sender in conversation.people:
        return True
    customers = {person for person in conversation.people if not _is_agent(person, agents)}
    return _is_agent(mail.sender, agents) and bool(mail.people & customers)


def _is_agent(address: str, agents: frozenset[str]) -> bool:
    return address in agents or f"@{address.rpartition('@')[2]}" in agents


def _row(conversation: _Conversation, agents: frozenset[str]) -> dict[str, Any]:
    mails = conversation.mails
    customer = next((mail.sender for mail in mails if not _is_agent(mail.sender, agents)), mails[0].sender)
    moments = [mail.at for mail in mails if mail.at is not None]
    return {
        "case_id": f"mail-{_short_digest(mail.name for mail in mails)}",
        "received_at": max(moments).isoformat() if moments else None,
        "subject": mails[0].subject,
        "thread": [_turn(mail, customer, agents) for mail in mails],
        "channel": "mail",
        "customer": customer,
        "conversation": f"mail-{_short_digest([mails[0].name])}",
        "attachments": "; ".join(name for mail in mails for name in mail.attachments) or None,
    }


def _short_digest(names: Iterable[str]) -> str:
    return sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()[:32]


def _turn(mail: Mail, customer: str, agents: frozenset[str]) -> dict[str, str]:
    """A mail as a turn; without known agents, everybody but the customer is one."""
    answers = _is_agent(mail.sender, agents) if agents else mail.sender != customer
    speaker = "system" if mail.by_machine else "agent" if answers else "customer"
    turn = {"speaker": speaker, "text": mail.text}
    return turn | {"at": mail.at.isoformat()} if mail.at else turn
