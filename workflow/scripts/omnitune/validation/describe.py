"""The page of all codes, printed from the table so that it cannot differ from it."""

from omnitune.validation.codes import CODES

_HEAD = """# Codes

What can be found in a row of data. Each has a default answer, which `validate.policy` changes:

```yaml
validate:
  policy: {E087: reject, E121: ignore}
```

- `reject`: the row is not used; the ledger says why.
- `repair`: it is put right and used; the ledger says so.
- `warn`: it is used as it is; the ledger says so.
- `ignore`: it is used, and nothing is said.
- `fail`: the run stops.

This page is written by `make docs` from `workflow/scripts/omnitune/validation/codes.py`.

| code | name | answers, the default first | what to do |
| --- | --- | --- | --- |
"""


def markdown() -> str:
    """The page."""
    rows = (
        f"| {code} | {kind.name} | **{kind.actions[0]}**, {', '.join(kind.actions[1:])} "
        f"| {kind.fix.replace('|', chr(92) + '|').replace('<', '`<').replace('>', '>`')} |\n"
        for code, kind in CODES.items()
    )
    return _HEAD + "".join(rows)
