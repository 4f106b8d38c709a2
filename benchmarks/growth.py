"""P32 for files: how the time to read a hostile text grows while the text is doubled.

    python -m benchmarks.growth --largest 16

Each text is made of one line again and again, from 0.1 MB to ``--largest`` MB. The figure is CPU time, so that a busy
machine does not change it much. A reader that is linear needs about twice the time for twice the text.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from aiops_flows.steps.sources import read_file

ROWS = {
    "plain rows": "R1,fine,1\n",
    "quoted rows": '"R1","a, b","1"\n',
    "texts over two lines": 'R1,"a\nb",1\n',
    "quotes that are never closed": 'R1,"open,1\n',
    "quotes in the midst of fields": 'R1,"a" b,1\n',
    "quotes that open for ever": 'x",a,"b\n',
    "doubled quotes": '"""",""""\n',
}
HEADER = "case_id,remark,price\n"


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def grown(line: str, megabytes: float) -> float:
    """CPU seconds to read a file of that size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.csv"
        path.write_text(HEADER + line * int(megabytes * 1e6 / len(line)))
        return seconds(lambda: read_file(path))


def main() -> None:
    """Print a line a text: seconds for each size, and the largest ratio between two sizes from 0.4 MB on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=float, default=16, help="megabytes")
    largest = parser.parse_args().largest
    sizes = [0.1]
    while sizes[-1] * 2 <= largest:
        sizes.append(sizes[-1] * 2)
    print("MB", json.dumps(sizes))
    for name, line in ROWS.items():
        took = [grown(line, size) for size in sizes]
        ratios = [later / earlier for earlier, later in pairwise(took[2:])]
        print(f"{name}: {[round(each, 3) for each in took]}; at most {max(ratios, default=0):.2f} times per doubling")


if __name__ == "__main__":
    main()
