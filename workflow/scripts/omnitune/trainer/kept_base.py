"""A rollout by vLLM leaves the base's weights as they are.

ms-swift adds the adapter to the base in place, sends vLLM the sum, and subtracts the adapter again. Both round:
after some steps the adapter trains on another base than the one on the disk, from which a resume begins and which
it is merged into in the end.
"""

from typing import Any


def keep(trainer: Any) -> None:
    """Have the weights of a trainer that is about to begin come back exactly when their adapter is taken off."""
    if not hasattr(trainer, "_move_full_model_to_vllm"):
        return
    from peft.tuners.lora import LoraLayer

    for layer in trainer.model.modules():
        # DoRA and its like can be taken off but once.
        if isinstance(layer, LoraLayer) and hasattr(layer, "base_layer") and not layer.lora_variant:
            _keep(layer)


def _keep(layer: Any) -> None:
    """Take the adapter off once when it is added, and note the few values that do not come back."""
    add, take_off = layer.merge, layer.unmerge
    noted: list[Any] = []

    def merge(*args: Any, **named: Any) -> None:
        before = _weight(layer).clone()
        add(*args, **named)
        if not layer.merged_adapters:
            return
        merged, adapters = _weight(layer).clone(), list(layer.merged_adapters)
        take_off()
        places = (_weight(layer) != before).flatten().nonzero()[:, 0]
        noted[:] = [places, before.flatten()[places]]
        _weight(layer).copy_(merged)
        layer.merged_adapters[:] = adapters

    def unmerge() -> None:
        take_off()
        if noted:
            places, values = noted
            _weight(layer).view(-1)[places] = values
            noted.clear()

    layer.merge, layer.unmerge = merge, unmerge


def _weight(layer: Any) -> Any:
    """The tensor that the adapter is added to: of a linear layer, or one of a module, as experts are."""
    from peft.tuners.lora import ParamWrapper

    return (layer.get_param() if isinstance(layer, ParamWrapper) else layer.get_base_layer().weight).data
