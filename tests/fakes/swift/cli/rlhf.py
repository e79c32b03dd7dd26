"""`swift rlhf` as the pipeline sees it: a training whose log tells rewards."""

from swift.cli.sft import main

if __name__ == "__main__":
    main()
