"""The linear layers of the vision and the audio tower, which are nearly all of their weights, by a config.json."""

from collections.abc import Mapping
from typing import Any

Matrices = list[tuple[int, int]]
_CONVOLUTIONS = 3  # in front of the audio tower, each of which halves the bands


def linear_layers(thinker: Mapping[str, Any]) -> dict[str, Matrices]:
    """(outputs, inputs) of each linear layer of `vision`, `audio` and `aligner` (model_parts.GROUPS)."""
    vision, audio = thinker["vision_config"], thinker["audio_config"]
    width, inner = vision["hidden_size"], vision["intermediate_size"]
    block = [(3 * width, width), (width, width), (inner, width), (width, inner)]
    merged = width * vision["spatial_merge_size"] ** 2
    merger = [(merged, merged), (vision["out_hidden_size"], merged)]
    model, forward, bands = audio["d_model"], audio["encoder_ffn_dim"], audio["num_mel_bins"]
    for _ in range(_CONVOLUTIONS):
        bands = (bands + 1) // 2
    layer = [(model, model)] * 4 + [(forward, model), (model, forward)]
    return {
        "vision": block * vision["depth"],
        "audio": layer * audio["encoder_layers"] + [(model, audio["downsample_hidden_size"] * bands)],
        # One merger at the end, and one for each layer that is heard in between.
        "aligner": merger * (1 + len(vision["deepstack_visual_indexes"]))
        + [(model, model), (audio["output_dim"], model)],
    }
