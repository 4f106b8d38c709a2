"""How often unchanged text is called drifted, how soon a new topic is found, and what cleaning and measuring cost.

    python -m benchmarks.tickets.text_drift FOLDER [--repeats 200]

``FOLDER`` holds ``clinc150/data_full.json``: requests to a service, 150 intents. For each repeat ten intents are drawn
as the new topics; the others are divided at random between both sides. The figures are written to
benchmarks/results/tickets_text_drift.md.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.drift import DriftReport, measure_drift
from aiops_flows.texts.derived import CustomerWords, Language, PersonalData
from benchmarks.measuring import machine

RESULTS = Path(__file__).resolve().parents[1] / "results" / "tickets_text_drift.md"
_NEW_TOPICS = 10
_SIZES = ((200, 200), (1_000, 1_000), (5_000, 2_000), (12_000, 8_000))
_SHARES = (0.0, 0.05, 0.1, 0.2)
_RATE = 0.05


def divided(
    requests: NDArray[Any], rows: tuple[int, int], share: float, random: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference and current requests; a share of the current ones are of topics that the reference does not have.

    Without new topics the rows are drawn from all; of more rows than there are some are drawn again.
    """
    intents = np.unique(requests[:, 1])
    new: NDArray[Any] = random.choice(intents, _NEW_TOPICS if share else 0, replace=False)
    is_new = np.isin(requests[:, 1], new)
    old = requests[~is_new, 0]
    arriving = int(rows[1] * share)
    drawn = random.choice(old, sum(rows) - arriving, replace=sum(rows) - arriving > len(old))
    now = [*drawn[rows[0] :], *(random.choice(requests[is_new, 0], arriving) if arriving else [])]
    return pd.DataFrame({"words": drawn[: rows[0]]}), pd.DataFrame({"words": now})


def measured(requests: NDArray[Any], rows: tuple[int, int], share: float, repeats: int) -> str:
    """A line of the table."""
    reports: list[DriftReport] = []
    started = time.process_time()
    for number in range(repeats):
        before, now = divided(requests, rows, share, np.random.default_rng(number))
        reports.append(measure_drift(before, now, ["words"], false_alarm_rate=_RATE, seed=number, texts=["words"]))
    seconds = (time.process_time() - started) / repeats
    drift = np.mean([report.verdict == "drift" for report in reports])
    meaning = np.mean([report.columns[-1].drifted for report in reports])
    return f"| {rows[0]:,} | {rows[1]:,} | {share:.0%} | {repeats} | {drift:.3f} | {meaning:.3f} | {seconds:.2f} |"


def cost(folder: Path) -> list[str]:
    """Tickets a second through each derived column, on whole dialogues and on single requests."""
    dialogues = [json.loads(line) for line in (folder / "tweetsumm" / "tweetsumm_shared.jsonl").open()]
    requests = json.loads((folder / "clinc150" / "data_full.json").read_text())["train"]
    samples = {
        "whole dialogues (TweetSumm)": [row["turns"] for row in dialogues] * 3,
        "single requests (CLINC150)": [[{"speaker": "customer", "text": text}] for text, _ in requests[:6_000]],
    }
    return [_speeds(name, pd.DataFrame({"thread": threads})) for name, threads in samples.items()]


def _speeds(name: str, frame: pd.DataFrame) -> str:
    seconds = []
    for column, derive in (
        ("words", CustomerWords("thread")),
        ("language", Language("words")),
        ("", PersonalData("thread")),
    ):
        derive(frame.iloc[:1].assign(words="warm"))
        started = time.process_time()
        values = derive(frame)
        seconds.append(time.process_time() - started)
        frame = frame.assign(**{column: values}) if column else frame
    letters = np.mean([sum(len(turn["text"]) for turn in thread) for thread in frame["thread"]])
    told = " | ".join(f"{len(frame) / each:,.0f}" for each in [*seconds, sum(seconds)])
    return f"| {name} | {letters:,.0f} | {told} |"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=200)
    given = parser.parse_args()
    published = json.loads((given.folder / "clinc150" / "data_full.json").read_text())
    requests = np.array([row for part in ("train", "val") for row in published[part]], object)
    lines = [
        measured(requests, rows, share, given.repeats if share == 0 else max(given.repeats // 5, 1))
        for rows in _SIZES
        for share in _SHARES
    ]
    page = [
        "# Drift of text, and what cleaning costs\n",
        f"`python -m benchmarks.tickets.text_drift FOLDER --repeats {given.repeats}`; CLINC150's training and",
        f"validation parts, six descriptors of one column, {_RATE:.0%} false alarms asked for; {machine()}.",
        "Ten of 150 intents are new; each is a hundredth of the current rows where they are a tenth together.\n",
        "| reference rows | current rows | new topics | repeats | called drift | by `meaning` | CPU-s |",
        "|---|---|---|---|---|---|---|",
        *lines,
        "\nTickets a CPU-second through the derived columns:\n",
        "| texts | characters | `CustomerWords` | `Language` | `PersonalData` | all three |",
        "|---|---|---|---|---|---|",
        *cost(given.folder),
    ]
    RESULTS.write_text("\n".join(page) + "\n")
    print("\n".join(page))


if __name__ == "__main__":
    main()
