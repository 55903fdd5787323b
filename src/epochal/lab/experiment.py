"""An experiment: arms x seeds, measured alike. Claims and ablations are both of this kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

from epochal.core.claim import Ablation, Arm, Claim, Metric
from epochal.core.fault import InputFault
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.data.specification import lasting, shown
from epochal.lab.jobs import Job, Stock


@dataclass(frozen=True)
class Experiment:
    """What is compared.

    Attributes:
        landmark: its name.
        name: what the experiment is called, such as `relu`.
        arms: the recipes.
        metric: how they are measured.
        data: what they learn from.
        seeds: the seeds that count.
        sd: how far runs with other seeds are expected apart.
        changed: settings changed in every arm, so that this is no longer the experiment that was declared.
    """

    landmark: str
    name: str
    arms: tuple[Arm, ...]
    metric: Metric
    data: str
    seeds: tuple[int, ...]
    sd: float
    changed: tuple[str, ...] = ()

    @classmethod
    def of(cls, landmark: str, declared: Claim | Ablation) -> Experiment:
        """The experiment that a claim or an ablation declares."""
        name = declared.name if isinstance(declared, Claim) else "ablation"
        return cls(landmark, name, declared.arms, declared.metric, declared.data, declared.seeds, declared.sd)

    def varied(self, *, data: str | None, seeds: int | None, overrides: list[str]) -> Experiment:
        """The experiment on other data, with so many seeds, with settings changed in every arm.

        Raises:
            InputFault: a setting does not exist, its value cannot be, or it is tuned for each arm.
        """
        names = {assignment.partition("=")[0].strip() for assignment in overrides}
        for arm in self.arms:
            if arm.tuning is not None and arm.tuning.setting in names:
                raise InputFault(
                    f"{arm.tuning.setting} cannot be set in {self.name}: it is tuned for each arm by itself",
                    expected="a setting that all arms share",
                )
        arms = tuple(_changed(arm, overrides, is_as_fast=data is None or data == self.data) for arm in self.arms)
        changed = [*overrides, *([f"data={shown(data)}"] if data is not None and data != self.data else [])]
        chosen = self.seeds if seeds is None else tuple(range(seeds))
        for arm in arms:
            if arm.tuning is not None and arm.tuning.seed in chosen:
                raise InputFault(
                    f"{seeds} seeds include seed {arm.tuning.seed}, on which arms are tuned",
                    expected=f"at most {arm.tuning.seed} seeds",
                )
        return replace(
            self, arms=arms, data=self.data if data is None else lasting(data), seeds=chosen, changed=tuple(changed)
        )

    def trials(self, arm: Arm) -> list[tuple[float, Job]]:
        """The runs that choose an arm's own setting, with the value each tries."""
        if arm.tuning is None:
            return []
        tuning = arm.tuning
        found = []
        for tried in tuning.values:
            recipe = arm.recipe.replace(**{**tuning.changes, tuning.setting: tried})
            label = f"{self.name}: {arm.name}, {tuning.setting}={tried:g} (trial)"
            found.append((tried, Job(self.landmark, recipe, self.data, tuning.seed, label)))
        return found

    def _job(self, arm: Arm, recipe: Recipe, seed: int) -> Job:
        label = f"{self.name}: {arm.name}, seed {seed}"
        return Job(self.landmark, recipe, self.data, seed, label, arm.seconds, arm.signal_steps, arm.may_run_away)

    def chosen(self, arm: Arm, stock: Stock) -> dict[str, float] | None:
        """The settings tuned for an arm: none for most, None while trials are missing.

        Raises:
            InputFault: no trial gave a number.
        """
        if arm.tuning is None:
            return {}
        scores: list[tuple[float, float]] = []
        for tried, job in self.trials(arm):
            run = stock.finished(job)
            if run is not None:
                scores.append((float(run.record()["results"][arm.tuning.by]), tried))
            elif not stock.ran_away(job):
                return None
        if not scores:
            raise InputFault(
                f"{self.name}: with no {arm.tuning.setting} did {arm.name} give finite numbers",
                expected="a value with which it trains",
            )
        return {arm.tuning.setting: max(scores)[1]}

    def jobs(self, arm: Arm, stock: Stock) -> list[Job] | None:
        """An arm's runs, in the order of the seeds; None while its settings are not chosen."""
        chosen = self.chosen(arm, stock)
        if chosen is None:
            return None
        recipe = arm.recipe.replace(**chosen)
        return [self._job(arm, recipe, seed) for seed in self.seeds]

    def next_jobs(self, stock: Stock) -> list[Job]:
        """What can be done now: trials first, then the runs that count; seed by seed, so that a part is of use."""
        trials = [job for arm in self.arms for _, job in self.trials(arm) if not stock.ran_away(job)]
        if missing := stock.missing(trials):
            return missing
        by_arm = [self.jobs(arm, stock) or [] for arm in self.arms]
        return stock.missing([jobs[place] for place in range(len(self.seeds)) for jobs in by_arm if jobs])

    def runs(self, arm: Arm, stock: Stock) -> list[Run]:
        """An arm's finished runs, in the order of the seeds; shorter than the seeds while some are missing."""
        found = [stock.finished(job) for job in self.jobs(arm, stock) or []]
        return [run for run in found if run is not None]


def _changed(arm: Arm, overrides: list[str], *, is_as_fast: bool) -> Arm:
    """An arm with settings changed. What it takes is known no more, unless nothing but the epochs may have changed."""
    recipe = arm.recipe.override(overrides)
    update: dict[str, object] = {"recipe": recipe}
    old, new = (getattr(one, "epochs", 1.0) for one in (arm.recipe, recipe))
    if not is_as_fast or recipe != arm.recipe.override([f"epochs={new}"] if new != old else []):
        update["seconds"] = None
        if arm.tuning is not None:
            update["tuning"] = arm.tuning.model_copy(update={"seconds": None})
    elif arm.seconds is not None:  # the trials have epochs of their own
        update["seconds"] = arm.seconds * new / old
    return arm.model_copy(update=update)


def check_seeds(seeds: int | None) -> None:
    """Refuse a number of seeds that is none.

    Raises:
        InputFault: it is below one, or so large that it must be a mistake.
    """
    if seeds is not None and not 1 <= seeds <= 1000:
        raise InputFault(f"seeds cannot be {seeds}", expected="a number from 1 to 1000; 2 or more for an interval")
