"""Public machines: AI4I 2020 and C-MAPSS FD001 as frames in the library's words."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.steps.delivery import Delivery
from aiops_flows.steps.sensor_rows import SensorRows, joined_cycles, past_looks

__all__ = ["DATA", "ENGINES", "ai4i", "engine_looks", "engines", "latest_looks", "remaining_at_the_end"]

DATA = Path(os.environ.get("AIOPS_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
_SENSORS = [f"sensor_{number}" for number in range(1, 22)]
_AI4I = {
    "Type": "kind", "AirTemperature[K]": "air", "ProcessTemperature[K]": "process", "RotationalSpeed[rpm]": "speed",
    "Torque[Nm]": "torque", "ToolWear[min]": "wear", "MachineFailure": "failure",
}  # fmt: skip


def ENGINES(every: int, longest: int) -> SensorRows:  # noqa: N802  a form of rows, as case types declare it
    """The form of C-MAPSS rows: a look every so many cycles."""
    return SensorRows(_SENSORS, at=None, every=every, longest=longest)


def ai4i(folder: Path) -> pd.DataFrame:
    """The 10,000 machines with five sensors, and what these make together: heat, power and strain.

    The columns of the kinds of failure are left out, since they are the label.
    """
    rows = pd.read_csv(folder / "ai4i2020" / "ai4i2020.csv", encoding="utf-8-sig").rename(columns=_AI4I)
    if int(rows["failure"].sum()) != 339:
        raise ValueError(f"{folder}/ai4i2020 has {rows['failure'].sum()} failures; the published file has 339")
    failed = np.where(rows["failure"] == 1, "yes", "no")
    return rows[list(_AI4I.values())].assign(
        failure=failed,
        kind=rows["kind"].map({"L": 0, "M": 1, "H": 2}),
        heat=rows["process"] - rows["air"],
        power=rows["torque"] * rows["speed"] * 2 * np.pi / 60,
        strain=rows["wear"] * rows["torque"],
    )


def engines(folder: Path, part: str) -> pd.DataFrame:
    """Cycles of one part (``train`` or ``test``): ``machine``, ``age`` and 21 sensors."""
    names = ["machine", "age", "setting_1", "setting_2", "setting_3", *_SENSORS]
    rows = pd.read_csv(folder / "cmapss" / f"{part}_FD001.txt", sep=r"\s+", header=None, names=names)
    return rows.assign(machine=[f"{part}-{number:03d}" for number in rows["machine"]])


def latest_looks(cycles: pd.DataFrame, *, longest: int) -> pd.DataFrame:
    """Each engine at its last row, as the flow takes it in."""
    rows = [{str(name): value for name, value in row.items()} for row in cycles.to_dict("records")]
    delivery = Delivery("cycles", [str(name) for name in cycles], rows)
    return pd.DataFrame(joined_cycles(ENGINES(1, longest), delivery).rows)


def engine_looks(cycles: pd.DataFrame, *, every: int, longest: int) -> pd.DataFrame:
    """Every look with its windows; of engines that were run to failure also ``left``, the cycles until then."""
    looks = past_looks(ENGINES(every, longest), cycles)
    last = cycles.groupby("machine")["age"].max()
    return looks.assign(left=looks["machine"].map(last) - looks["age"])


def remaining_at_the_end(folder: Path) -> NDArray[np.float64]:
    """The published cycles left of each test engine after its last row."""
    return np.loadtxt(folder / "cmapss" / "RUL_FD001.txt")
