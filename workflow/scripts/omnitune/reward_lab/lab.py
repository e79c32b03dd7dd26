"""The trial of a training's rewards, from its arguments file and its prompts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnitune.config.grpo import LabConfig
from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import write_json
from omnitune.reward_lab import verdict as verdicts
from omnitune.reward_lab.batches import batches, drawn
from omnitune.reward_lab.text import as_text
from omnitune.reward_lab.trial import rate
from omnitune.tokens.text import load_tokenizer


def run(arguments: Mapping[str, Any], prompts: Path, settings: LabConfig, *, model: Path, output: Path) -> None:
    """Try the rewards, print the table, write the result.

    Args:
        arguments: the training's arguments file.
        prompts: grpo.jsonl.
        model: folder of the base, for its tokenizer.
        output: the result, a JSON file; not written when the rewards are refused.

    Raises:
        PipelineError: with a sentence for each reward that must not be trained on.
    """
    seed, longest = int(arguments["seed"]), int(arguments["max_completion_length"])
    rows, holding, count = drawn(prompts, settings.rows, seed)
    known = verdicts.Prompts(count, len(rows), holding)
    names, weights = arguments["reward_funcs"], map(float, arguments["reward_weights"])
    found = rate(
        names,
        batches(rows, load_tokenizer(model), seed=seed, longest=longest),
        arguments=arguments,
        environment=arguments.get("ENV", {}),
        seconds=settings.seconds,
    )
    judged = {
        name: verdicts.judge(name, weight, found[name], known, settings.style)
        for name, weight in zip(names, weights, strict=True)
    }
    print(as_text(known, judged), flush=True)
    mistakes = [mistake for one in judged.values() for mistake in one.mistakes] + verdicts.total_mistakes(
        judged, known
    )
    if mistakes:
        raise PipelineError("\n".join(mistakes), code=ExitCode.CONFIG)
    write_json(output, verdicts.as_json(known, judged))
