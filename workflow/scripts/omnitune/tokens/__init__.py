"""How many tokens a row is, before anything of it is decoded: text by the tokenizer, media by formula.

The numbers are those of ms-swift 4.6.0's template `qwen3_omni` under the media contract that `swift_args` writes.
"""
