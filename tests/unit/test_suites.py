"""The suites of `make test-full` name what exists."""

import pytest
import suites


@pytest.mark.parametrize("name", suites.SUITES)
def test_the_paths_of_a_suite_exist(name: str):
    paths = suites.SUITES[name].paths
    assert [path for path in paths if not (suites.ROOT / path).exists()] == []
    assert f"SUITE={name}" in (suites.ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(("argv", "said"), [(["gat"], "there is no suite 'gat'"), ([""], "SUITE is missing")])
def test_an_unknown_suite_is_answered_with_the_list(argv: list[str], said: str, capsys):
    with pytest.raises(SystemExit) as ended:
        suites.main(argv)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {said}. Run: make test-full SUITE=name")
    assert all(f"\n  {name}" in told for name in suites.SUITES)
