"""Train from an arguments file: resume or start, watch ms-swift, prove that it is complete, publish the model."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from omnitune import job_options, training_log
from omnitune.errors import run
from omnitune.rollout_server import Server
from omnitune.supervisor import options as watch
from omnitune.training import Job, train


def main(argv: Sequence[str] | None = None) -> int:
    """Publish the model in the folder named by --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True, help="name of the stage in the manifest")
    parser.add_argument("--args", type=Path, required=True, help="arguments file of render.py")
    parser.add_argument(
        "--input", type=Path, action="append", default=[], help="file that the result depends on, by content"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the published model")
    parser.add_argument("--processes", type=int, default=1, help="processes that share the work; one per GPU")
    parser.add_argument("--server", type=Path, help="arguments file of the server that samples for it")
    parser.add_argument("--server-gpus", type=int, default=0, help="GPUs of the server, besides --gpus")
    parser.add_argument("--server-port", type=int, default=0, help="where the server listens")
    parser.add_argument("--publish", choices=["last", "best"], default="last", help="which checkpoint's model")
    parser.add_argument("--on-oom", choices=["stop", "shrink"], default="stop", help="when GPU memory is used up")
    parser.add_argument(
        "--on-not-finite", choices=["stop", "retry"], default="stop", help="when a loss is NaN or infinite"
    )
    job_options.add(parser)
    options = parser.parse_args(argv)
    job = Job(
        stage=options.stage,
        arguments=json.loads(options.args.read_bytes()),
        inputs=options.input,
        output=options.output,
        log=options.log,
        python=options.python,
        gpus=options.gpus,
        processes=options.processes,
        server=_server(options) if options.server else None,
        publish=options.publish,
        on_oom=options.on_oom,
        on_not_finite=options.on_not_finite,
        limits=watch.limits(options),
        echo=options.echo,
    )
    steps = job.work / training_log.FILE
    with job_options.attempt(options, options.gpus + options.server_gpus, steps=steps) as attempt:
        train(job, attempt.works_on)
    return 0


def _server(options: argparse.Namespace) -> Server:
    log = options.log
    name = f"{log.name.removesuffix('.swift.log')}.rollout.swift.log"
    return Server(options.server, options.server_port, options.server_gpus, log.with_name(name))


if __name__ == "__main__":
    run(main)
