"""The claims of a benchmark with the measured values, one per line; `benchmarks.soak` collects these lines."""

from __future__ import annotations

HELD, MISSED, BROKEN = "held", "missed", "BROKEN"


class Claims:
    """The claims of one benchmark."""

    def __init__(self) -> None:
        self.all_held = True

    def note(self, is_held: bool, what: str, reached: object, goal: object, *, is_hard: bool = True) -> None:
        """Print a claim. A claim that is not hard is a goal, which a loaded machine may miss."""
        self.all_held &= is_held or not is_hard
        result = HELD if is_held else BROKEN if is_hard else MISSED
        print(f"{result:<8}{what:<62}{reached!s:>16}   goal {goal}", flush=True)

    def none(self, what: str, number: int) -> None:
        """Claim that the count is zero."""
        self.note(number == 0, what, number, 0)

    def at_most(self, what: str, number: float, goal: float, unit: str = "", *, is_hard: bool = True) -> None:
        """Claim an upper bound."""
        self.note(number <= goal, what, f"{number:,.4g}{unit}", f"≤ {goal:g}{unit}", is_hard=is_hard)

    def at_least(self, what: str, number: float, goal: float, unit: str = "") -> None:
        """State a goal."""
        self.note(number >= goal, what, f"{number:,.4g}{unit}", f"≥ {goal:g}{unit}", is_hard=False)

    @property
    def exit_code(self) -> int:
        """For `sys.exit`."""
        return 0 if self.all_held else 1
