"""A search from a space to its front: trials first, then the finalists over seeds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace
from optuna.trial import Trial

from edge.errors import DataError, UsageError
from train.run import Run
from train.search import folder, front, output, study
from train.search.clock import Clock
from train.search.cost import Cost
from train.search.front import Front
from train.search.space import Space
from train.search.space_file import load
from train.search.study import Study
from train.search.task import INT8, Int8, Task, reached_by
from train.search.worker import Epoch, Event, Failed, Refused, Stopped
from train.search.worker_process import Died, WorkerProcess, listen
from train.session import divided

Tell = Callable[[str], None]
Stage = Callable[[str, int, int], None]

#: Why a task is left that is not at its end.
_LATER: Final = "later"

#: So many failures in a row are no chance.
_TOO_MANY: Final = 3


@dataclass(frozen=True)
class Settings:
    """What ``wm-edge train --search`` was asked for.

    Attributes:
        data: The labelled set.
        space: Name of a space that ships, or a file.
        out: The search's folder.
        trials: So many in all calls together.
        hours: So long this call may take; None: as long as it takes.
        jobs: Networks that are trained at once.
    """

    data: Path
    space: str
    out: Path
    trials: int
    hours: float | None = None
    jobs: int = 1


@dataclass
class _Job:
    """What a worker is at: a trial, or a finalist with a seed.

    Attributes:
        name: For a person.
        task: What the worker was given.
        trial: None of a finalist.
        cost: Once it is known.
        epochs: That are done.
        why: Why it was told to leave the task; ``_LATER``: to go on with it in another call.
        again: Whether its process has died once.
    """

    name: str
    task: Task
    trial: Trial | None = None
    cost: Cost | None = None
    epochs: int = 0
    why: str = ""
    again: bool = False

    @property
    def share(self) -> float:
        """Of its training that is done, 0..1."""
        return min(1.0, self.epochs / self.task.recipe.optimise.epochs)


def search(
    settings: Settings, tell: Tell = lambda _: None, stage: Stage = lambda *_: None
) -> Front:
    """Search, or go on with a search. The folder has the front of what is known, however it ends.

    Raises:
        UsageError: no such space, a mistake in it, a folder of another search, or one at work.
        DataError: an unusable set, or networks that fail one after the other.
        KeyboardInterrupt: as came, after all was put away.
    """
    space = load(settings.space)
    labelled = divided(settings.data, tell)
    if labelled.patterns.is_several:
        what = "a search is for sets of one pattern a wafer, and those of this one show several"
        raise UsageError(f"{settings.data}: {what}; train it by a recipe")
    lock = folder.opened(settings.out, settings.data, space, labelled)
    try:
        return _Search(settings, space, tell, stage).run()
    finally:
        lock.release()


class _Search:
    """A search at work."""

    def __init__(self, settings: Settings, space: Space, tell: Tell, stage: Stage) -> None:
        self._settings, self._space, self._tell = settings, space, tell
        self._study = Study(settings.out, space, parallel=settings.jobs > 1)
        finals = space.ends.finalists * space.ends.seeds
        ahead = max(0, settings.trials - len(self._study.trials)) + len(self._study.left()) + finals
        self._clock = Clock(ahead, finals, settings.hours, settings.jobs, stage)
        cores = os.cpu_count() or 1
        threads = max(1, cores // settings.jobs) if settings.jobs > 1 else 0
        self._workers = [WorkerProcess(settings.data, threads) for _ in range(settings.jobs)]
        self._failures = 0

    def run(self) -> Front:
        """Trials, then finalists, then what is known."""
        done = len(self._study.trials)
        if done:
            self._tell(f"going on after {done} trials")
        try:
            self._work(self._trials(), self._clock.trials_over)
            self._work(self._finals(), self._clock.over)
        finally:
            for worker in self._workers:
                worker.close()
            found = self._found()
            output.write(found, self._settings.out, self._space)
        return found

    def _found(self) -> Front:
        finals: dict[int, list[float]] = {}
        for row in self._chosen():
            runs = [Run(self._final(row.trial, seed)) for seed in range(self._space.ends.seeds)]
            finals[row.trial] = [known.recall for run in runs if (known := reached_by(run))]
        return front.gather(self._space, self._settings.data.name, self._study.trials, finals)

    def _chosen(self) -> list[front.Row]:
        """The finalists."""
        known = front.gather(self._space, self._settings.data.name, self._study.trials)
        return known.chosen(self._space.ends.finalists)

    def _work(self, jobs: Iterator[_Job], is_over: Callable[[], bool]) -> None:
        """Have all jobs done; those that are under way when time is over are left."""
        while True:
            for worker in self._workers:
                if worker.task is None and not is_over() and (job := next(jobs, None)):
                    worker.give(job.task, job)
            if not any(worker.task for worker in self._workers):
                return
            for worker, event in listen(self._workers, self._clock.patience):
                self._heard(worker, event)
            if is_over():
                self._leave()
            self._clock.show(worker.task for worker in self._workers if worker.task)

    def _leave(self) -> None:
        for worker in self._workers:
            job = worker.task
            if job and not job.why:
                job.why = _LATER
                worker.leave()

    def _trials(self) -> Iterator[_Job]:
        """What an earlier call left, then new ones."""
        for trial in self._study.left():
            yield from self._jobs(trial)
        while len(self._study.trials) < self._settings.trials:
            yield from self._jobs(self._study.ask())

    def _jobs(self, trial: Trial) -> Iterator[_Job]:
        """A trial's; none where its values do not go together, or were tried."""
        values, name = self._study.values(trial), f"trial {trial.number}"
        words = ", ".join(f"{axis} {_short(value)}" for axis, value in values.items())
        self._tell(f"{name}: {words}")
        if (known := self._study.repeats(trial)) is not None:
            self._tell(f"{name}: as trial {known}")
            self._clock.ended()
            return
        folder = self._settings.out / "trials" / f"{trial.number:04}"
        try:
            recipe = self._space.recipe(values, front.recipe_name(self._space, trial.number))
        except UsageError as error:
            self._tell(f"{name}: refused: {error}")
            self._study.end(trial, str(error), 0)
            self._clock.ended()
            return
        yield _Job(name, Task(folder, recipe, self._space.limits), trial)

    def _finals(self) -> Iterator[_Job]:
        for row in self._chosen():
            for seed in range(self._space.ends.seeds):
                folder = self._final(row.trial, seed)
                if (folder / INT8).exists():
                    continue
                name = front.recipe_name(self._space, row.trial)
                number = self._space.base.seed + 1 + seed  # the trial's own was picked for its luck
                recipe = self._space.recipe(row.values, name, number)
                said = f"finalist {row.trial}, seed {number}"
                yield _Job(said, Task(folder, recipe))

    def _final(self, trial: int, seed: int) -> Path:
        number = self._space.base.seed + 1 + seed
        return self._settings.out / "finals" / f"{trial:04}-seed{number}"

    def _heard(self, worker: WorkerProcess, event: Event | Died) -> None:
        job: _Job = worker.task
        if isinstance(event, Died):
            if not (job.again or job.why):
                self._tell(f"{job.name}: {event.why}; it goes on where it stood")
                job.again = True
                worker.give(job.task, job)
                return
            event = Stopped() if job.why else Failed(event.why)
        if isinstance(event, Cost):
            job.cost = event
            if job.trial:
                self._study.costs(job.trial, event)
        elif isinstance(event, Epoch):
            self._epoch(worker, job, event)
        elif event is not None:
            worker.task = None
            self._clock.ended()
            self._ended(job, event)

    def _epoch(self, worker: WorkerProcess, job: _Job, event: Epoch) -> None:
        job.epochs = event.number
        part = study.part_ends(job.task.recipe.optimise.epochs).get(event.number)
        if job.trial is None or part is None or job.why:
            return
        if self._study.reached(job.trial, part, event.recall):
            job.why = (
                f"{100 * event.recall:.2f} % after epoch {event.number}, below those no dearer"
            )
            worker.leave()

    def _ended(self, job: _Job, event: Event) -> None:
        if isinstance(event, Failed):
            self._failures += 1
            self._end(job, event.why, failed=True)
            if self._failures >= _TOO_MANY:
                raise DataError(f"{self._failures} networks failed in a row, the last: {event.why}")
            return
        self._failures = 0
        if isinstance(event, Int8):
            if job.trial:
                self._study.finish(job.trial, event)
            self._clock.trained(event.seconds)
            cost = replace(job.cost, bytes=event.bytes) if job.cost else ""
            self._tell(f"{job.name}: {_reached(event)}; {cost}{self._clock.left}")
        elif isinstance(event, Refused):
            self._end(job, event.why)
        elif isinstance(event, Stopped) and job.why != _LATER:
            self._end(job, job.why)

    def _end(self, job: _Job, why: str, *, failed: bool = False) -> None:
        """A trial ends before its time."""
        how = "failed" if failed else "ended early" if job.epochs else "refused"
        self._tell(f"{job.name}: {how}: {why}")
        if job.trial:
            self._study.end(job.trial, why, job.epochs, failed=failed)
            shutil.rmtree(job.task.folder / "checkpoint", ignore_errors=True)


def _reached(found: Int8) -> str:
    return f"{100 * found.recall:.2f} % in int8 ({100 * found.float_recall:.2f} in float)"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
