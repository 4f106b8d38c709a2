"""The champion is moved by one promoter at a time, with four eyes where they are asked for."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aiops_flows.case_log import CaseLog, audit, promotions, versions
from aiops_flows.errors import ChampionChanged, ConflictingWrite, NotApproved, NothingToRollBackTo, VersionUnknown
from tests.integration.case_log.life import MODEL, is_whole, promote, race, raw, version

ROOT = Path(__file__).parents[3]


def register(log: CaseLog, *numbers: int, four_eyes: bool = False) -> None:
    for number in numbers:
        versions.register(log, "claims", version(number, four_eyes=four_eyes))


def champion(log: CaseLog, at: datetime | None = None) -> int | None:
    found = promotions.champion(log, "claims", MODEL, at)
    return None if found is None else found.version


def test_who_was_champion_at_a_moment(case_log: CaseLog) -> None:
    """Each promotion and rollback says from when on its version decided; before the first there was none."""
    register(case_log, 1, 2)
    marks = [datetime.now(UTC)]
    for number, expected, action in ((1, None, "promote"), (2, 1, "promote"), (1, 2, "rollback")):
        promote(case_log, number, expected, action=action)
        marks.append(datetime.now(UTC))
    assert [champion(case_log, mark) for mark in marks] == [None, 1, 2, 1]
    assert champion(case_log) == 1
    history = promotions.history(case_log, "claims", MODEL)
    assert history["action"].tolist() == ["promote", "promote", "rollback"]
    assert history["withdrawn_version"].tolist()[2] == 2


def test_the_champion_must_be_the_one_that_was_looked_at(case_log: CaseLog) -> None:
    """Who judged against another champion than the present one is refused, promoting or refusing."""
    register(case_log, 1, 2, 3)
    promote(case_log, 1, None)
    with pytest.raises(ChampionChanged, match="is version 1, not none"):
        promote(case_log, 2, None)
    with pytest.raises(ChampionChanged):
        promote(case_log, 2, None, action="refuse")
    promote(case_log, 2, 1)
    with pytest.raises(ChampionChanged, match="champion already"):
        promote(case_log, 2, 2)


def test_one_of_many_promoters_wins(database_url: str) -> None:
    """Of twenty threads and four processes that promote their own version at once exactly one succeeds."""
    with CaseLog.open(database_url) as log:
        register(log, *range(1, 25))
        script = (
            "import sys; from tests.integration.case_log.life import race; print(race(sys.argv[1], int(sys.argv[2])))"
        )
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, database_url, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            for number in range(21, 25)
        ]
        with ThreadPoolExecutor(20) as promoters:
            won = sum(promoters.map(lambda number: race(database_url, number), range(1, 21)))
        won += sum(process.communicate(timeout=60)[0].strip() == "True" for process in processes)
        assert won == 1
        assert len(promotions.history(log, "claims", MODEL)) == 1
        assert is_whole(log)


def test_the_challenger_is_the_newest_that_was_not_judged(case_log: CaseLog) -> None:
    """Champions, former ones and refused versions are no challengers, nor are those without evidence."""
    register(case_log, 1, 2, 3)
    versions.register(case_log, "claims", version(4, evidence=None))
    promote(case_log, 1, None)
    found = promotions.challenger(case_log, "claims", MODEL)
    assert found is not None
    assert found.version == 3
    promote(case_log, 3, 1, action="refuse")
    assert champion(case_log) == 1
    found = promotions.challenger(case_log, "claims", MODEL)
    assert found is not None
    assert found.version == 2
    promote(case_log, 2, 1)
    assert promotions.challenger(case_log, "claims", MODEL) is None


def test_rollbacks_do_not_swing(case_log: CaseLog) -> None:
    """Each rollback goes further back, past what was withdrawn, until nothing is left."""
    register(case_log, 1, 2, 3)
    for number in (1, 2, 3):
        promote(case_log, number, None if number == 1 else number - 1)
    assert promotions.rollback_target(case_log, "claims", MODEL).version == 2
    assert promotions.rollback_target(case_log, "claims", MODEL, 1).version == 1
    promote(case_log, 2, 3, action="rollback")
    assert promotions.rollback_target(case_log, "claims", MODEL).version == 1
    promote(case_log, 1, 2, action="rollback")
    with pytest.raises(NothingToRollBackTo, match=r"withdrawn: \[2, 3\]"):
        promotions.rollback_target(case_log, "claims", MODEL)
    with pytest.raises(NothingToRollBackTo):
        promote(case_log, 3, 1, action="rollback")


def test_a_withdrawn_version_may_be_promoted_again(case_log: CaseLog) -> None:
    """A new promotion outweighs the withdrawal before it."""
    register(case_log, 1, 2, 3)
    promote(case_log, 1, None)
    promote(case_log, 2, 1)
    promote(case_log, 1, 2, action="rollback")
    promote(case_log, 2, 1)
    promote(case_log, 3, 2)
    assert promotions.rollback_target(case_log, "claims", MODEL).version == 2


def test_four_eyes_need_another_person(case_log: CaseLog) -> None:
    """Neither the trainer nor the proposer can approve, however they write their name."""
    register(case_log, 1, four_eyes=True)
    with pytest.raises(NotApproved, match="needs the approval"):
        promote(case_log, 1, None)
    for approver in ("tim", " TIM ", ""):
        with pytest.raises(NotApproved):
            promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver=approver, channel="python")
    promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver="Pat", channel="python")
    with pytest.raises(NotApproved):
        promote(case_log, 1, None, proposer="pat")
    assert promote(case_log, 1, None, proposer="quentin").approver == "Pat"


def test_one_person_does_not_approve_under_two_spellings(case_log: CaseLog) -> None:
    """A name in composed and in decomposed form is one person's: neither what they trained nor what they propose."""
    composed, decomposed = unicodedata.normalize("NFC", "Rév"), unicodedata.normalize("NFD", "Rév")
    versions.register(case_log, "claims", version(1, four_eyes=True, trained_by=composed))
    for approver in (decomposed, "RÉV", "R\u00e9v\u200b", "\u00a0Rév "):
        with pytest.raises(NotApproved):
            promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver=approver, channel="python")
    promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver="Zoë", channel="python")
    with pytest.raises(NotApproved):
        promote(case_log, 1, None, proposer=unicodedata.normalize("NFD", "zoë"))
    with pytest.raises(Exception, match="four eyes"):
        raw(case_log, insert_promotion(1, "promote", 1, "NULL", approver="'Zoë'", proposer="'ZOE\u0308'"))
    assert promote(case_log, 1, None, proposer="quentin").approver == "Zoë"


def test_changed_evidence_voids_the_approval(case_log: CaseLog) -> None:
    """An approval counts for the evidence that was seen, not for what came after."""
    register(case_log, 1, four_eyes=True)
    promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver="ann", channel="python")
    versions.attach_evidence(case_log, "claims", MODEL, 1, evidence="{}", evidence_digest="later")
    with pytest.raises(NotApproved):
        promote(case_log, 1, None)
    with pytest.raises(NotApproved):
        promote(case_log, 1, None, evidence_digest="e1")
    with pytest.raises(NotApproved, match="look at it again"):
        promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver="ann", channel="python")
    promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="later", approver="ann", channel="python")
    assert promote(case_log, 1, None).version == 1


def test_the_same_refusal_again_adds_nothing(case_log: CaseLog) -> None:
    """A promoter that runs twice says the same once; after another word on the version it is said again."""
    register(case_log, 1, 2)
    promote(case_log, 1, None)
    first = promote(case_log, 2, 1, action="refuse")
    assert promote(case_log, 2, 1, action="refuse") == first
    assert len(promotions.history(case_log, "claims", MODEL)) == 2
    promote(case_log, 2, 1)
    promote(case_log, 1, 2, action="rollback")
    assert promote(case_log, 2, 1, action="refuse").number == 5


def test_a_new_certificate_to_the_same_evidence_is_kept(case_log: CaseLog) -> None:
    """A version that is certified anew has the new certificate, and approvals of its evidence stand."""
    register(case_log, 1, four_eyes=True)
    promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver="ann", channel="python")
    stored = versions.get(case_log, "claims", MODEL, 1)
    same = {"evidence": str(stored.evidence), "evidence_digest": "e1"}
    for _ in range(2):
        versions.attach_evidence(case_log, "claims", MODEL, 1, certificate='{"threshold": 0.9}', **same)
    assert versions.get(case_log, "claims", MODEL, 1).certificate == '{"threshold": 0.9}'
    assert promote(case_log, 1, None).approver == "ann"


def insert_promotion(number: int, action: str, of: int, predecessor: str, **more: str) -> str:
    said = {"withdrawn_version": "NULL", "approver": "NULL", "evidence_digest": f"'e{of}'", "proposer": "'pat'", **more}
    return (
        "INSERT INTO promotions (use_case, model, number, at, action, version, predecessor, reason, gates, seq,"
        f" {', '.join(said)}) VALUES ('claims', '{MODEL}', {number}, 'now', '{action}', {of}, {predecessor}, '', '[]',"
        f" 9, {', '.join(said.values())})"
    )


def test_the_database_itself_asks_for_four_eyes(case_log: CaseLog) -> None:
    """Raw SQL cannot promote without a valid approval, nor with a made-up approver."""
    register(case_log, 1, four_eyes=True)
    for forged in ("NULL", "'ann'", "'tim'", "'pat'"):
        with pytest.raises(Exception, match="four eyes"):
            raw(case_log, insert_promotion(1, "promote", 1, "NULL", approver=forged))
    promotions.approve(case_log, "claims", MODEL, 1, evidence_digest="e1", approver="ann", channel="python")
    for forged in ("NULL", "'tim'", "'pat'"):
        with pytest.raises(Exception, match="four eyes"):
            raw(case_log, insert_promotion(1, "promote", 1, "NULL", approver=forged))
    with pytest.raises(Exception, match="four eyes"):
        raw(case_log, insert_promotion(1, "promote", 1, "NULL", approver="'ann'", proposer="'ANN'"))
    with pytest.raises(Exception, match="four eyes"):
        raw(case_log, insert_promotion(1, "promote", 1, "NULL", approver="'ann'", evidence_digest="'e2'"))


def test_the_database_itself_keeps_the_order_of_champions(case_log: CaseLog) -> None:
    """Raw SQL cannot skip the present champion, promote an unknown version, or go back to one never promoted."""
    register(case_log, 1, 2)
    promote(case_log, 1, None)
    with pytest.raises(Exception, match="champion changed"):
        raw(case_log, insert_promotion(2, "promote", 2, "NULL"))
    with pytest.raises(Exception, match="champion changed"):
        raw(case_log, insert_promotion(7, "promote", 2, "1"))
    with pytest.raises(Exception, match="version unknown"):
        raw(case_log, insert_promotion(2, "promote", 8, "1"))
    with pytest.raises(Exception, match="nothing to roll back to"):
        raw(case_log, insert_promotion(2, "rollback", 2, "1", withdrawn_version="1"))


def test_versions_are_registered_once(case_log: CaseLog) -> None:
    """The same version again changes nothing; another one under its number is refused."""
    register(case_log, 1)
    head = audit.head(case_log)
    register(case_log, 1)
    assert audit.head(case_log) == head
    with pytest.raises(ConflictingWrite, match="trained_by"):
        versions.register(case_log, "claims", version(1, trained_by="eve"))
    with pytest.raises(VersionUnknown, match=r"registered are \[1\]"):
        versions.get(case_log, "claims", MODEL, 2)
    with pytest.raises(VersionUnknown):
        promote(case_log, 2, None)
    newest = versions.latest(case_log, "claims", MODEL)
    assert newest == version(1)
    assert versions.latest(case_log, "claims", "other") is None


def test_a_promotion_is_dated_by_the_log(case_log: CaseLog) -> None:
    """The moment of a promotion is the log's, and so lies in the past of whoever asks next."""
    register(case_log, 1)
    promotion = promote(case_log, 1, None)
    assert datetime.now(UTC) - timedelta(minutes=5) < promotion.at <= datetime.now(UTC)
