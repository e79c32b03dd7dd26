"""What may be done about a finding; of several, the first is done unless `validate.policy` says otherwise."""

from typing import Literal, NamedTuple

Action = Literal["reject", "repair", "warn", "fail", "ignore"]
Actions = tuple[Action, ...]

REJECT: Actions = ("reject", "fail")
DOUBT: Actions = ("reject", "warn", "ignore", "fail")
DOUBT_OR_REPAIR: Actions = ("reject", "repair", "warn", "ignore", "fail")
REJECT_OR_REPAIR: Actions = ("reject", "repair", "fail")
WARN: Actions = ("warn", "reject", "ignore", "fail")
WARN_OR_REPAIR: Actions = ("warn", "repair", "reject", "ignore", "fail")
REPAIR: Actions = ("repair", "reject", "fail")
REPAIR_OR_WARN: Actions = ("repair", "warn", "reject", "ignore", "fail")
OFF: Actions = ("ignore", "warn", "reject", "fail")
OFF_OR_REPAIR: Actions = ("ignore", "warn", "repair", "reject", "fail")
# A longer row that is used is cut by ms-swift.
TOO_LONG: Actions = ("reject", "warn", "fail")
# Of a file, or of the first row that differs from the others; such a row is as good as they are.
FILE: Actions = ("repair", "ignore", "fail")
# Of a row that is good by itself.
NOTE: Actions = ("warn", "ignore", "fail")


class Code(NamedTuple):
    """One kind of finding.

    Attributes:
        name: a short name for tables.
        fix: what to do about it.
        actions: what the pipeline may do about it; the first is the default.
    """

    name: str
    fix: str
    actions: Actions = REJECT
