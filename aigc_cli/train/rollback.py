"""Back to the last good checkpoint: which one that is, and what is different on the second attempt.

Everything here is a pure function of the step and of the journal's rollbacks, never of the clock, so that a run that
is killed before, during or after a rollback ends in the same bytes as one that is not:

- An *anchor* is a checkpoint at a step that is a multiple of `anchor_every(steps)`. It is *good* once CONFIRM_STEPS
  steps after it went well: one that was written on the way into a divergence is never good. Step 0 always is.
  Checkpoints written because time had passed serve a resume, never a rollback.
- A rollback is a journal entry, durable before anything else happens. From its `to` on, steps draw their batches,
  masks and dropout as if they were `number * steps` steps later: from a stretch of the endless stream of epochs that
  the run has not read. The schedule of the learning rate goes by the step itself.
- A rollback to no later step than the rollback before it halves the learning rate for the rest of the run: other
  data did not help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aigc_cli.core.run import Journal

# A divergence is seen within RECENT_STEPS of its beginning (train/watch.py); four times that is slow even for
# one that creeps.
CONFIRM_STEPS = 32
ANCHOR_STEPS = 64
ANCHORS = 20  # in a run: a rollback costs about a twentieth of it, and writing them little
LR_FACTOR = 0.5


def anchor_every(steps: int) -> int:
    """Steps between anchors of a run of `steps`."""
    return max(ANCHOR_STEPS, -(-steps // ANCHORS))


@dataclass(frozen=True)
class Rollback:
    """The number-th rollback: trouble after step `at`, back to the state after step `to`."""

    number: int
    at: int
    to: int
    why: str
    lr_scale: float

    def record(self) -> dict[str, Any]:
        """As journal and metrics.jsonl have it."""
        return {"event": "rollback", "number": self.number, "at": self.at, "to": self.to, "why": self.why,
                "lr_scale": self.lr_scale}  # fmt: skip


class Rollbacks:
    """The rollbacks of a run so far."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        found = [entry for entry in journal.entries if entry.get("event") == "rollback"]
        self.done = [Rollback(e["number"], e["at"], e["to"], e["why"], e["lr_scale"]) for e in found]

    def number(self, step: int) -> int:
        """How many rollbacks the step after `step` has behind it: the newest one to `step` or before."""
        return max((r.number for r in self.done if r.to <= step), default=0)

    def lr_scale(self, step: int) -> float:
        """The factor on the learning rate of the step after `step`."""
        number = self.number(step)
        return self.done[number - 1].lr_scale if number else 1.0

    def usable(self, step: int, rollbacks: int) -> bool:
        """Whether a checkpoint of `step`, made after so many rollbacks, lies on the way that was kept."""
        return all(r.to >= step for r in self.done[rollbacks:])

    def without_progress(self) -> int:
        """How many of the last rollbacks went to one and the same step, or ever further back."""
        count = 0
        for number, rollback in enumerate(self.done):
            count = count + 1 if number and rollback.to <= self.done[number - 1].to else 1
        return count

    def note(self, at: int, to: int, why: str) -> Rollback:
        """Adds one, durable when this returns."""
        scale = self.done[-1].lr_scale if self.done else 1.0
        if self.done and to <= self.done[-1].to:
            scale *= LR_FACTOR
        rollback = Rollback(len(self.done) + 1, at, to, why, scale)
        self.journal.append(rollback.record())
        self.done.append(rollback)
        return rollback


@dataclass(frozen=True)
class Anchors:
    """The steps of a run that a rollback may go to."""

    every: int

    def is_anchor(self, step: int) -> bool:
        """Whether a checkpoint belongs after `step`."""
        return step % self.every == 0

    def last_good(self, done: int) -> int:
        """The newest anchor that `done` steps without trouble have confirmed."""
        return max(0, (done - CONFIRM_STEPS) // self.every * self.every)
