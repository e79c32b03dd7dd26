"""`swift infer` as the pipeline sees it: one result per row, in order, right for a trained model only.

OMNITUNE_FAKE: `short` leaves the last row out, `shuffle` answers in another order.
"""

import argparse
import json
import os
from pathlib import Path


def main() -> None:
    """Write the result file."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--val_dataset", nargs="+")
    parser.add_argument("--model")
    parser.add_argument("--adapters", nargs="+")
    parser.add_argument("--result_path", type=Path)
    options, _ = parser.parse_known_args()
    trained = options.adapters or "merge" in options.model
    results = []
    for path in options.val_dataset:
        for line in Path(path).read_text().splitlines():
            messages = json.loads(line)["messages"]
            label = messages[-1]["content"] if messages[-1]["role"] == "assistant" else None
            results.append({"response": label if trained and label else "?", "labels": label})
    fault = os.environ.get("OMNITUNE_FAKE")
    if fault == "short":
        results.pop()
    if fault == "shuffle":
        results.reverse()
    with options.result_path.open("a") as file:
        file.writelines(json.dumps(result) + "\n" for result in results)


if __name__ == "__main__":
    main()
