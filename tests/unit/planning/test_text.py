"""The plan as a person reads it."""

from omnitune.planning import Causes, Job, as_text


def test_nothing_to_do_is_one_sentence() -> None:
    assert as_text([], "small") == "Nothing to do: what was asked of run small is there and up to date."


def test_table_reasons_totals_and_command() -> None:
    lr = Causes(settings=["sft.learning_rate: 0.0001 -> 0.0002"])
    plan = [
        Job("convert", mem_mb=1024, runtime=30, causes=Causes(newer=["data/a.jsonl"])),
        Job("sft", "a", gpus=2, mem_mb=131072, runtime=4320, causes=lr, needs=[0]),
        Job("sft", "b", gpus=2, mem_mb=131072, runtime=4320, causes=lr, needs=[0]),
        Job("merge", "a", causes=Causes(remade_by=["sft"]), needs=[1]),
    ]
    assert as_text(plan, "small", targets=["eval"], configs=["x.yaml"]) == (
        "Run small, what snakemake would do now:\n"
        "\n"
        "stage    experiment  jobs  GPUs each  GPUs at most  memory each  time asked\n"
        "convert  -              1          -             -        1 GiB      30 min\n"
        "sft      a              1          2             2      128 GiB        72 h\n"
        "sft      b              1          2             2      128 GiB        72 h\n"
        "merge    a              1          -             -            -           -\n"
        "\n"
        "Why:\n"
        "convert     changed since: data/a.jsonl\n"
        "sft (a, b)  sft.learning_rate: 0.0001 -> 0.0002\n"
        "merge (a)   gets new input from sft\n"
        "\n"
        "4 jobs; the largest needs 2 GPUs; with 4 GPUs nothing would wait for one.\n"
        "\n"
        "Run it: snakemake --cores all eval --resources gpu=2 --configfile x.yaml\n"
        "        gpu is the number that this machine may use. On a cluster:\n"
        "        snakemake --profile profiles/slurm eval --configfile x.yaml"
    )


def test_thousands_of_shards_are_one_row_and_one_line() -> None:
    plan = [Job("convert", causes=Causes(gone=[f"results/r/convert/s/{n}.jsonl"])) for n in range(2000)]
    text = as_text(plan, "r")
    assert "convert  -           2000" in text
    assert text.count("results/r/convert") == 3
    assert "and 1997 more" in text
    assert "Run it: snakemake --cores all" in text


def test_every_cause_has_words() -> None:
    causes = Causes(
        settings=["a: 1 -> 2"], newer=["n"], added=["p"], dropped=["m"], unfinished=True, command=True,
        remade_by=["split", "sft"],
    )  # fmt: skip
    assert causes.sentences("sft") == [
        "a: 1 -> 2", "changed since: n", "reads now also: p", "reads no more: m", "its command was changed",
        "began and has not finished", "gets new input from split",
    ]  # fmt: skip
    assert Causes(missing=["x"], remade_by=["split"]).sentences("sft") == ["not made yet"]
    assert Causes(gone=["x"], remade_by=["split"]).sentences("sft") == ["was made and is gone: x"]
    failed = Causes(failed=True, missing=["x"], remade_by=["split"])
    assert failed.sentences("sft") == ["failed, or was cut off, the last time: make status says why"]
    assert Causes(unfinished=True, missing=["x"]).sentences("sft") == ["began and has not finished"]
    assert Causes().sentences("sft") == ["gets new input"]
