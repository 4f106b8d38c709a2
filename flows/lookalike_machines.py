"""A seeded fleet of pumps that wear, fail and are serviced, for machines without real ones, for demo and tests.

Every number is made up. Wear grows with the cube of age, as in the public simulations of engines, in some lives more
and in some less before they end. It shows in vibration, temperature and pressure, never in the voltage of the mains.
Three lives in a hundred end suddenly, of which no sensor tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["EARLY_COST", "FAILURE_COST", "SERVICE_COST", "Fleet"]

SERVICE_COST, FAILURE_COST = 3_000.0, 9_000.0
"""EUR: a planned service, and what a failure costs more."""
EARLY_COST = 300.0
"""EUR lost by servicing a look too soon: three of the 120 days or so that a service buys, and a stop out of turn."""

Floats = NDArray[np.float64]


@dataclass
class Fleet:
    """Pumps from day to day: `run` lets days go by, `service` ends a life before it fails."""

    machines: int = 120
    seed: int = 0
    today: date = date(2025, 1, 1)
    shifted: dict[str, float] = field(default_factory=dict)
    """Machine -> volts by which its mains (or the sensor for it) are off from now on."""
    ends: list[dict[str, Any]] = field(default_factory=list)
    """Every life that has ended: ``machine``, ``at``, ``age``, ``failed``."""

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self.names = [f"pump-{number:03d}" for number in range(1, self.machines + 1)]
        self._offset = self._random.normal(0.0, 1.0, (3, self.machines))
        self._lives = np.zeros(self.machines, dtype=np.int64)
        self._worn_at = np.ones(self.machines)
        self._severity = np.ones(self.machines)
        self._renew(np.arange(self.machines))
        self._ages = self._random.integers(1, 60, self.machines)

    def _renew(self, places: NDArray[Any]) -> None:
        """New lives: when each would be worn out, how much of it shows, and when it ends."""
        worn_at = np.maximum(self._random.gamma(16.0, 7.5, len(places)), 61.0)
        sudden = self._random.random(len(places)) < 0.03
        self._worn_at[places] = worn_at
        self._severity[places] = self._random.lognormal(0.0, 0.3, len(places))
        self._lives[places] = np.where(sudden, self._random.uniform(0.5, 1.0, len(places)), 1.0) * worn_at

    def left(self, machine: str) -> int:
        """Days until it fails, as a technician who opens it would find."""
        place = self.names.index(machine)
        return int(self._lives[place] - self._ages[place])

    def age(self, machine: str) -> int:
        """Its age on the day to come."""
        return int(self._ages[self.names.index(machine)])

    def run(self, days: int) -> pd.DataFrame:
        """One row for each pump and day: ``machine``, ``age``, ``at``, four sensors, and the costs of its choices."""
        frames = []
        for _ in range(days):
            frames.append(self._day())
            over = np.flatnonzero(self._ages >= self._lives)
            self._end(over, failed=True)
            self._ages += 1
            self.today += timedelta(days=1)
        rows = pd.concat(frames, ignore_index=True)
        return rows.assign(service_cost=SERVICE_COST, failure_cost=FAILURE_COST, early_cost=EARLY_COST)

    def service(self, machines: list[str]) -> None:
        """Overhaul pumps this morning: their lives begin anew."""
        self._end(np.array([self.names.index(name) for name in machines], dtype=int), failed=False, days_ago=1)
        self._ages[[self.names.index(name) for name in machines]] = 1

    def _end(self, places: NDArray[Any], *, failed: bool, days_ago: int = 0) -> None:
        day = pd.Timestamp(self.today, tz="UTC") - pd.Timedelta(days=days_ago)
        for place in places.tolist():
            age = int(self._ages[place]) - days_ago
            self.ends.append({"machine": self.names[place], "at": day, "age": age, "failed": failed})
        self._renew(places)
        self._ages[places] = 0  # the day that follows is its first

    def _day(self) -> pd.DataFrame:
        wear = self._severity * (self._ages / self._worn_at) ** 3
        noise = self._random.normal(0.0, 1.0, (4, self.machines))
        warm = 8.0 * np.sin(2 * np.pi * (self.today.timetuple().tm_yday - 110) / 365)
        off = np.array([self.shifted.get(name, 0.0) for name in self.names])
        return pd.DataFrame(
            {
                "machine": self.names,
                "age": self._ages.copy(),
                "at": self.today.isoformat(),
                "vibration": np.round(2.0 + 0.2 * self._offset[0] + 2.5 * wear + 0.35 * noise[0], 3),
                "temperature": np.round(55.0 + 2.0 * self._offset[1] + warm + 9.0 * wear + 2.0 * noise[1], 2),
                "pressure": np.round(6.0 + 0.1 * self._offset[2] - 0.8 * wear + 0.15 * noise[2], 3),
                "voltage": np.round(230.0 + off + 1.5 * noise[3], 1),
            }
        )

    def known_ends(self) -> pd.DataFrame:
        """The ends of all lives until now, and of those that go on the day that each was last seen running."""
        day = pd.Timestamp(self.today, tz="UTC") - pd.Timedelta(days=1)
        running = [
            {"machine": name, "at": day, "age": int(age) - 1, "failed": False}
            for name, age in zip(self.names, self._ages.tolist(), strict=True)
        ]
        return pd.DataFrame(self.ends + running)
