"""A rollout by vLLM leaves base and adapter as they are.

To send vLLM their sum, ms-swift adds the adapter to the base in place and subtracts it again. Both round: after
some steps the adapter trains on another base than the one on the disk, from which a resume begins and which it is
merged into in the end. And it gives the adapter the base's type of numbers first, for good: what was made to train
in float32 goes on in bfloat16, in which small steps are lost.
"""

from typing import Any


def keep(trainer: Any) -> None:
    """Let weights of a trainer that is about to begin come back exactly when their adapter is taken off.

    Under ZeRO-3 the adapter is added to gathered copies, and types are DeepSpeed's: nothing is done there.
    """
    if not hasattr(trainer, "_move_full_model_to_vllm"):
        return
    from peft.tuners.lora import LoraLayer
    from transformers.integrations import is_deepspeed_zero3_enabled

    if is_deepspeed_zero3_enabled():
        return
    for layer in trainer.model.modules():
        if isinstance(layer, LoraLayer) and hasattr(layer, "base_layer"):
            _keep_adapter(layer)
            if not layer.lora_variant:  # DoRA and its like can be taken off but once
                _keep_base(layer)


def _keep_adapter(layer: Any) -> None:
    """Have an adapter moved to its base's device where it is not there, for which its numbers would be changed.

    Whoever changes their type cuts them off from what averages gradients over processes, too, even for a moment.
    """
    move = layer._move_adapter_to_device_of_base_layer

    def moved(*args: Any, **named: Any) -> None:
        device = _weight(layer).device
        if any(one.device != device for name, one in layer.named_parameters() if "lora_" in name):
            move(*args, **named)

    layer._move_adapter_to_device_of_base_layer = moved


def _keep_base(layer: Any) -> None:
    """Take the adapter off once when it is added, and note on the host those values that do not come back.

    The others do the next time too: the same product of the same matrices has the same values.
    """
    add, take_off = layer.merge, layer.unmerge
    noted: list[Any] = []

    def merge(*args: Any, **named: Any) -> None:
        if layer.merged:
            add(*args, **named)
            return
        before = _weight(layer).clone()
        add(*args, **named)
        if not layer.merged:
            return
        merged, adapters = _weight(layer).clone(), list(layer.merged_adapters)
        take_off()
        places = (_weight(layer) != before).flatten().nonzero()[:, 0]
        noted[:] = [places.cpu(), before.flatten()[places].cpu()]
        _weight(layer).copy_(merged)
        layer.merged_adapters[:] = adapters

    def unmerge() -> None:
        take_off()
        if noted:
            weight = _weight(layer)
            places, values = (one.to(weight.device) for one in noted)
            weight.view(-1)[places] = values
            noted.clear()

    layer.merge, layer.unmerge = merge, unmerge


def _weight(layer: Any) -> Any:
    """The tensor that the adapter is added to: of a linear layer, or one of a module, as experts are."""
    from peft.tuners.lora import ParamWrapper

    return (layer.get_param() if isinstance(layer, ParamWrapper) else layer.get_base_layer().weight).data
