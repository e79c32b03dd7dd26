"""What ms-swift itself makes of rows: `{swift python} encode_rows.py MODEL ROWS`, one [prompt, trained] a line.

The environment decides how media are sized, and is read when ms-swift is imported.
"""

import json
import sys
from pathlib import Path


def main(model: str, rows: str) -> None:
    """Encode each row by the template that trains."""
    from swift.model import get_model_processor
    from swift.template import get_template

    _, processor = get_model_processor(model, load_model=False, model_type="qwen3_omni_moe")
    template = get_template(processor, template_type="qwen3_omni")
    template.set_mode("train")
    for line in Path(rows).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        try:
            encoded = template.encode(
                {key: row[key] for key in ("messages", "images", "audios", "videos") if key in row}
            )
        except Exception as error:
            print(json.dumps(f"{type(error).__name__}: {error}"))
            continue
        trained = sum(label != -100 for label in encoded["labels"])
        print(json.dumps([len(encoded["input_ids"]) - trained, trained]))


if __name__ == "__main__":
    main(*sys.argv[1:])
