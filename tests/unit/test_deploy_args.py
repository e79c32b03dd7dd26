"""ms-swift's arguments for a server."""

import pytest

from omnitune import deploy_args, swift_args, vllm_args
from omnitune.config.deploy import DeployConfig
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.errors import PipelineError


def deploy(device: str = "cuda", environment: str | None = None, **keys) -> dict:
    return deploy_args.deploy(
        DeployConfig(**keys),
        infer=InferConfig(batch_size=4, max_new_tokens=9, temperature=0.5),
        media=MediaConfig(),
        device=device,
        model="m",
        name="run",
        environment=environment,
    )


SERVER = {
    "model": "m",
    "model_type": "qwen3_omni_moe",
    "template": "qwen3_omni",
    "load_args": "false",
    "host": "127.0.0.1",
    "port": 8000,
    "served_model_name": "run",
    "temperature": 0.5,
    "max_new_tokens": 9,
    "verbose": "false",
    "log_interval": -1,
    "log_level": "info",
}


@pytest.mark.parametrize(
    ("keys", "special", "gpus"),
    [
        (
            {"gpus": 2, "swift": {"vllm_max_model_len": 4096}},
            {"infer_backend": "vllm", "vllm_tensor_parallel_size": 2, "vllm_max_model_len": 4096},
            "2",
        ),
        ({"backend": "transformers"}, {"infer_backend": "transformers", "max_batch_size": 4}, "1"),
        (
            {"device": "cpu", "gpus": 2},
            {"infer_backend": "transformers", "max_batch_size": 4, "device_map": "cpu"},
            "0",
        ),
        (
            {"device": "cpu", "gpus": 2, "backend": "vllm"},
            {"infer_backend": "vllm", "vllm_tensor_parallel_size": 1, "vllm_enforce_eager": "true"},
            "0",
        ),
    ],
)
def test_arguments_of_a_server(keys, special, gpus):
    arguments = deploy(**keys)
    environment = arguments.pop("ENV")
    dtype = "float32" if keys.get("device") == "cpu" else "bfloat16"
    assert arguments == SERVER | {"torch_dtype": dtype} | special
    # No file of the machine lies there, so a client can name none.
    launch = {"OMNITUNE_GPUS": gpus, "SWIFT_MEDIA_ALLOWED_DIRS": "/dev/null/none"}
    engine = vllm_args.environment(keys.get("device", "cuda")) if special["infer_backend"] == "vllm" else {}
    assert environment == swift_args.media_environment(MediaConfig()) | engine | launch
    assert deploy(environment="/site")["ENV"]["OMNITUNE_SWIFT"] == "/site"


@pytest.mark.parametrize("flag", ["port", "served-model-name", "infer_backend", "verbose"])
def test_what_the_server_hangs_on_is_refused_in_swift(flag: str):
    with pytest.raises(PipelineError) as refused:
        deploy_args.refuse_owned({"vllm_max_model_len": 4096, flag: "x"})
    assert (
        str(refused.value) == f"deploy.swift.{flag}: it is set by the pipeline. Remove it; see deploy and infer."
    )


@pytest.mark.parametrize("keys", [{}, {"backend": "transformers"}, {"device": "cpu"}])
def test_all_that_is_set_is_owned(keys: dict):
    assert set(deploy(**keys)) <= deploy_args.OWNED
