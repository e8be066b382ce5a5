"""`python -m codegen` writes, `--check` notices every difference and says what to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.__main__ import check, main, write

SMALL = Path(__file__).parent / "small.yaml"


@pytest.fixture
def package(generated: dict[str, str], tmp_path: Path) -> Path:
    write(generated, tmp_path)
    return tmp_path


def test_fresh_files_pass(package: Path, generated: dict[str, str]) -> None:
    assert 0 == check(generated, package)


def test_caches_of_python_do_not_count(package: Path, generated: dict[str, str]) -> None:
    (package / "models" / "__pycache__").mkdir()
    (package / "models" / "__pycache__" / "answers.pyc").write_bytes(b"\0")
    assert 0 == check(generated, package)


def test_a_stale_file_fails_with_the_command_to_run(
    package: Path, generated: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    stale = package / "_endpoints" / "fields.py"
    stale.write_text(stale.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    assert 1 == check(generated, package)
    expected = "stale: _endpoints/fields.py\nThe generated code is not up to date. Run: python -m codegen\n"
    assert expected == capsys.readouterr().err


def test_a_missing_file_fails(
    package: Path, generated: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "models" / "enums.py").unlink()
    assert 1 == check(generated, package)
    assert "missing: models/enums.py\n" in capsys.readouterr().err


def test_a_missing_folder_fails(generated: dict[str, str], tmp_path: Path) -> None:
    assert 1 == check(generated, tmp_path)


def test_a_file_that_nobody_generates_fails(
    package: Path, generated: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "models" / "extra.py").write_text("", encoding="utf-8")
    assert 1 == check(generated, package)
    assert "not generated: models/extra.py\n" in capsys.readouterr().err


def test_writing_takes_away_what_is_not_generated(package: Path, generated: dict[str, str]) -> None:
    (package / "models" / "extra.py").write_text("", encoding="utf-8")
    write(generated, package)
    assert 0 == check(generated, package)


def test_a_document_that_is_not_understood_names_file_and_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        SMALL.read_text(encoding="utf-8").replace("tags: [Crops]", "tags: [Weeds]", 1), encoding="utf-8"
    )
    assert 2 == main(["--spec", str(broken), "--into", str(tmp_path)])
    expected = f"{broken}#/paths/~1v0~1field~1{{field_id}}~1crops/get/tags/0: there is no tag 'Weeds'\n"
    assert expected == capsys.readouterr().err
    assert ["broken.yaml"] == [path.name for path in tmp_path.iterdir()]


def test_a_file_that_is_no_yaml_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: 1\nb: [1, 2\n", encoding="utf-8")
    assert 2 == main(["--spec", str(broken)])
    assert capsys.readouterr().err.startswith(f"{broken}, line 3: ")


def test_the_committed_code_is_what_the_spec_says() -> None:
    """The check that CI runs, on openapi/pixxel.yaml and pixxel_async."""
    assert 0 == main(["--check"])
