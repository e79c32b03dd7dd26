"""The last word on a row: what only a look at the rows of all sources can tell."""

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import LedgerRow
from omnitune.validation.assignment import Home, ValidSource
from omnitune.validation.codes import CODES
from omnitune.validation.policy import Policy


def final(source: ValidSource, verdict: LedgerRow, home: Home, policy: Policy) -> LedgerRow:
    """The verdict with the row's files, and with why it has none, or what is noteworthy.

    Raises:
        PipelineError: when `validate.policy` answers that with `fail`.
    """
    verdict.split = list(home.files)
    if not home.code or policy.action(home.code) == "ignore":
        return verdict
    own = verdict.id.removeprefix(f"{source.name}/")
    named = "" if own == f"{verdict.line:08d}" else f" (id {own})"
    what = {
        "E211": f"the id is used at line {home.twin.rpartition(':')[2]} already",
        "E056": f"says the same as {home.twin}, turns and media, so it is left out",
        "E206": "shares its media or question with a test row, so it is not trained on",
        "E216": "shares its media, or nearly its text, with rows on two sides of the split, so it can be on none",
        "E230": f"warning: says nearly the same as {home.twin}, so both are on one side of the split",
    }[home.code]
    sentence = f"{what}. {CODES[home.code].fix}"
    place = f"{source.path or source.name}:{verdict.line}{named}: "
    if policy.action(home.code) == "fail":
        raise PipelineError(
            f"{sentence} The run stops here by validate.policy.{home.code}: fail",
            where=place.removesuffix(": "),
            code=ExitCode.DATA,
        )
    if home.files:
        verdict.message = f"{verdict.message} {sentence}" if verdict.message else place + sentence
    else:
        verdict.verdict = "duplicate" if home.code == "E056" else "rejected"
        verdict.message = place + sentence
    verdict.codes = [*verdict.codes, home.code]
    return verdict
