"""Which model follows which: the folders and manifests of a run's models, and what each is made from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnitune import adapter, rewards
from omnitune.config.experiments import Experiment
from omnitune.publish import MANIFEST


@dataclass(frozen=True)
class Lineage:
    """The models of a run.

    Attributes:
        run: name of the run.
        experiments: name -> experiment, recipe filled in.
    """

    run: str
    experiments: Mapping[str, Experiment]

    @property
    def base(self) -> str:
        """Folder of the base."""
        return f"results/{self.run}/model"

    def base_manifests(self) -> list[str]:
        """The base's manifest, as the one input that says that it is there."""
        return [manifest(self.base)]

    def max_lengths(self, use: Sequence[str]) -> dict[str, int]:
        """stage -> tokens that a row of a source with this `use` may have, in every experiment: rows are shared.

        Whether a stage is enabled says nothing: a stage switched on later finds its rows judged.
        """
        return {
            stage: min(getattr(experiment, stage).max_length for experiment in self.experiments.values())
            for stage in ("sft", "grpo")
            if stage in use
        }

    def needs_solution(self, use: Sequence[str]) -> bool:
        """Whether a source with this `use` may give prompts to a reward that compares with a solution."""
        rated = [experiment.grpo for experiment in self.experiments.values()] if "grpo" in use else []
        return any(not grpo.reward_file and rewards.NEED_SOLUTION & grpo.rewards.keys() for grpo in rated)

    def folder(self, experiment: str, stage: str) -> str:
        """Folder of the model that a stage of an experiment publishes."""
        return f"results/{self.run}/{experiment}/{stage}/model"

    def trained(self, *stages: str) -> list[str]:
        """Manifests of everything that the stages train; without any, of all."""
        return [
            manifest(self.folder(name, stage))
            for name, experiment in self.experiments.items()
            for stage in experiment.trained
            if stage in stages or not stages
        ]

    def final(self) -> list[str]:
        """Manifests of the final models."""
        return [manifest(self.folder(name, "merge")) for name in self._merging()]

    def proofs(self, *experiments: str) -> list[str]:
        """Verdicts that the final models of these experiments (of all) answer as what they were merged from."""
        return [
            f"results/{self.run}/{name}/merge/parity.json"
            for name in self._merging()
            if self.experiments[name].merge.parity_rows and (name in experiments or not experiments)
        ]

    def resumed(self, experiment: str) -> list[str]:
        """What says that the adapter that sft trains on is there: its manifest, or of a foreign one its files."""
        folder = self.experiments[experiment].sft.resume_adapter
        if not folder:
            return []
        folder = os.path.normpath(folder)
        if folder.startswith("results/"):
            return [manifest(folder)]
        return [f"{folder}/{name}" for name in (adapter.CONFIG, adapter.WEIGHTS)]

    def served(self) -> list[str]:
        """Arguments files of the servers of the final models."""
        return [f"results/{self.run}/{name}/deploy/args.json" for name in self._merging()]

    def served_name(self, experiment: str) -> str:
        """The name by which a client asks for an experiment's final model."""
        return self.run if experiment == "main" else f"{self.run}-{experiment}"

    def trial(self, experiment: str) -> str:
        """The result of the trial that an experiment's rewards passed."""
        return f"results/{self.run}/{experiment}/grpo/rewards.json"

    def trials(self) -> list[str]:
        """Those of all experiments that train on rewards."""
        return [self.trial(name) for name, one in self.experiments.items() if one.grpo.enabled]

    def policy(self, experiment: str) -> str:
        """Folder of the model that grpo trains, or trains an adapter on."""
        merged = self.experiments[experiment].policy == "merged"
        return f"results/{self.run}/{experiment}/grpo/start" if merged else self.base

    def policy_adapter(self, experiment: str) -> list[str]:
        """The folder of the adapter that grpo trains on, if it does."""
        adapted = self.experiments[experiment].policy == "adapter"
        return [self.folder(experiment, "sft")] if adapted else []

    def policy_manifests(self, experiment: str) -> list[str]:
        """Manifests of what grpo starts from."""
        return [manifest(folder) for folder in [self.policy(experiment), *self.policy_adapter(experiment)]]

    def grpo_proofs(self, experiment: str) -> list[str]:
        """What is proved before grpo trains: its rewards, and what it starts from where that was merged."""
        one = self.experiments[experiment]
        asked = one.policy == "merged" and one.merge.parity_rows
        merged = [f"results/{self.run}/{experiment}/grpo/parity.json"] if asked else []
        return [self.trial(experiment), *merged]

    def merged_from(self, experiment: str) -> tuple[str, str]:
        """Manifests that the final model is made from: of what was trained on, and of what was trained last."""
        last = self.experiments[experiment].trained[-1]
        return manifest(self.beneath(experiment, last)), manifest(self.folder(experiment, last))

    def beneath(self, experiment: str, stage: str) -> str:
        """Folder of the model that a stage's adapter lies on; of the final model, its own."""
        if stage == "merge":
            return self.folder(experiment, stage)
        return self.policy(experiment) if stage == "grpo" else self.base

    def answering(self, experiment: str, stage: str) -> list[str]:
        """Manifests of the models that a stage's answers depend on: an adapter brings what it lies on."""
        return sorted({manifest(self.folder(experiment, stage)), manifest(self.beneath(experiment, stage))})

    def answers(self, experiment: str, stages: Sequence[str]) -> dict[str, str]:
        """stage -> its answers, for those of `stages` that are there for an experiment."""
        base = {"base": f"results/{self.run}/base/infer.jsonl"} if "base" in stages else {}
        return base | {
            stage: f"results/{self.run}/{experiment}/infer/{stage}.jsonl"
            for stage in self.experiments[experiment].infer_stages(stages)
        }

    def reported(self) -> list[dict[str, str]]:
        """What report.py is told of each experiment."""
        return [
            {"name": name, "metrics": f"results/{self.run}/{name}/score/metrics.json"}
            | {stage: self.folder(name, stage) for stage in experiment.trained}
            | ({"rewards": self.trial(name)} if experiment.grpo.enabled else {})
            | ({"merge": self.folder(name, "merge")} if experiment.merge.enabled else {})
            | dict(zip(("parity",), self.proofs(name), strict=False))
            for name, experiment in self.experiments.items()
        ]

    def _merging(self) -> list[str]:
        return [name for name, experiment in self.experiments.items() if experiment.merge.enabled]


def manifest(folder: str) -> str:
    """The file that says that a model is there."""
    return f"{folder}/{MANIFEST}"
