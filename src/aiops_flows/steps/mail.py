"""Conversations from mails: the messages of mbox and eml files, put together as they answer each other."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiops_flows.errors import SourceError
from aiops_flows.sources.left_out import LeftOut, added_up
from aiops_flows.steps.delivery import Delivery, Unreadable, file_bytes
from aiops_flows.steps.mail_headers import same_address
from aiops_flows.steps.mail_message import Mail, MailRefused, digest_of, read_mail
from aiops_flows.steps.mbox import mbox_messages

__all__ = ["MailBox", "mail_delivery", "mail_files"]

_MOST_LOOKUPS = 100_000
_KEPT = 100_000  # characters of a refused mail that stand in the quarantine
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_REPLY_WORDS = (
    "re|r|res|rv|rif|aw|antw|sv|vs|odp|vá|ynt|回复|回覆|答复|答覆|返信|답장|fwd?|fw|wg|tr|i|enc|pd|转发|轉寄|転送|전달"
)
_REPLY = re.compile(rf"^(?:(?:{_REPLY_WORDS})(?:\[\d{{1,4}}\]|\(\d{{1,4}}\))?\s{{0,2}}[:\uff1a]\s*)+", re.IGNORECASE)


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
    left_out: list[LeftOut] = []
    for path in files:
        for raw in _messages(path):
            try:
                mail = read_mail(raw)
            except MailRefused as fault:
                reason = f"this mail is not taken: {fault}"
                unreadable.append(Unreadable(raw[:_KEPT].decode(errors="surrogateescape"), reason))
            else:
                left_out += mail.cut
                same = mails.setdefault(mail.name, mail)
                if same != mail:  # another mail under the same id is not dropped
                    mail = replace(mail, name=f"{mail.name} {digest_of(raw)}")
                    same = mails.setdefault(mail.name, mail)
                if same is not mail:
                    left_out.append(LeftOut("row", 1, "the same mail again"))
    known = frozenset(same_address(address) for address in agents)
    rows = [_row(conversation, known) for conversation in _conversations(list(mails.values()), known)]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return Delivery(name, columns, rows, unreadable, file, added_up(left_out))


def _messages(path: Path) -> Iterator[bytes]:
    """The raw messages of a file."""
    data = file_bytes(path)
    if data.startswith(_UTF_16):
        data = data.decode("utf-16", "replace").encode()
    if path.name.lower().removesuffix(".gz").endswith(".mbox"):
        yield from mbox_messages(data)
    elif data.strip():
        yield data


def _conversations(mails: Sequence[Mail], agents: frozenset[str]) -> list[_Conversation]:
    """Mails put together by what they answer; by a reply's subject only where it names nothing that it answers.

    Who was not part of a conversation does not get into it, whatever a mail says it answers.
    """
    conversations: list[_Conversation] = []
    index = _Index()
    for mail in _in_order(mails):
        candidates = index.candidates(mail, agents)
        conversation = next((each for each in candidates if _belongs(mail, each, agents)), None)
        if conversation is None:
            conversation = _Conversation()
            conversations.append(conversation)
        conversation.mails.append(mail)
        conversation.people |= mail.people
        index.add(mail, conversation)
    return conversations


@dataclass
class _Index:
    """Where the conversation of a mail is looked up."""

    by_id: dict[str, _Conversation] = field(default_factory=dict)
    by_person: dict[tuple[str, str], _Conversation] = field(default_factory=dict)
    """By the id of a mail and one of its people: an id may come again with another customer."""
    by_subject: dict[tuple[str, str], _Conversation] = field(default_factory=dict)

    def candidates(self, mail: Mail, agents: frozenset[str]) -> Iterator[_Conversation]:
        """The conversations that a mail may belong to, the nearest first."""
        if mail.message_id in self.by_id:
            yield self.by_id[mail.message_id]
        receivers = sorted(mail.people - {mail.sender})
        people = [*(person for person in receivers if not _is_agent(person, agents)), mail.sender]
        for answered in mail.answers[: max(_MOST_LOOKUPS // len(people), 1)]:
            for person in people:
                if (answered, person) in self.by_person:
                    yield self.by_person[answered, person]
            if answered in self.by_id:
                yield self.by_id[answered]
        if not mail.answers and _REPLY.match(mail.subject):
            subject = _topic(mail)
            for person in people:
                if (subject, person) in self.by_subject:
                    yield self.by_subject[subject, person]

    def add(self, mail: Mail, conversation: _Conversation) -> None:
        """Remember to which conversation a mail belongs."""
        subject = _topic(mail)
        for person in mail.people:
            self.by_subject[subject, person] = conversation
        if mail.message_id is not None:
            self.by_id[mail.message_id] = conversation
            for person in mail.people:
                self.by_person[mail.message_id, person] = conversation
        for answered in mail.answers:
            self.by_id.setdefault(answered, conversation)


def _topic(mail: Mail) -> str:
    return _REPLY.sub("", mail.subject).lower()


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
    customers = (person for person in mail.people if person in conversation.people and not _is_agent(person, agents))
    return _is_agent(mail.sender, agents) and next(customers, None) is not None


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
