"""Files as admins save them: what YAML makes of them, and what is said when it cannot."""

from pathlib import Path

import pytest

from connector.mapping.document import LARGEST_BYTES, read_document


def told(path: Path) -> list[str]:
    return [problem.told(Path(path.name)) for problem in read_document(path).problems]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.yml"


def test_words_stay_text_unless_they_are_json_values(file):
    file.write_text(
        "a: [yes, no, on, off, y, 0123, +4930, 1e5, 12:30, 2026-01-01, 1_000, .5]\n"
        "b: [true, False, null, ~, 0, -7, 1.50]\n"
        "on: {no: 1, 5: five, true: t}\n"
    )
    assert read_document(file).data == {
        "a": ["yes", "no", "on", "off", "y", "0123", "+4930", "1e5", "12:30", "2026-01-01", "1_000", ".5"],
        "b": [True, False, None, None, 0, -7, 1.5],
        "on": {"no": 1, "5": "five", "true": "t"},
    }


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(file):
    file.write_bytes("\ufeffa: 1\r\nb: ä\r\n".encode())
    assert read_document(file).data == {"a": 1, "b": "ä"}


def test_every_key_that_stands_twice_is_told_with_both_lines(file):
    file.write_text("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n")
    assert told(file) == [
        "x.yml:5:3: b: key 'c' stands twice, first in line 3",
        "x.yml:6:1: key 'a' stands twice, first in line 1",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "x.yml:1:1: the file is empty"),
        (b"# only a comment\n", "x.yml:1:1: the file is empty"),
        (b"- a\n", "x.yml:1:1: must be keys with values, such as 'source:' and 'fields:'"),
        (b"a:\n\tb: 1\n", "x.yml:2:1: not YAML: indented with a tab; YAML takes spaces only"),
        (b"a: 1\nb: \xff\n", "x.yml:2:1: not UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "x.yml:1:1: not UTF-8; save the file as UTF-8"),
        (b'a: "\x01"\n', "x.yml:1:1: a character YAML does not allow: control characters are not allowed"),
        (b"a: 1\n---\nb: 2\n", "x.yml:2:1: not YAML: a second document begins here; one file describes one stream"),
        (b"a: !!python/name:os.path x\n", "x.yml:1:4: tag 'tag:yaml.org,2002:python/name:os.path' is not used in "
         "mappings; write the plain value"),
        (b"[a, b]: 1\n", "x.yml:1:1: a key must be one word or text"),
        (b"a: &x {b: *x}\n", "x.yml:1:4: an alias stands inside what it repeats"),
        (b"a: " + b"[" * 900, "x.yml:1:43: not YAML: more than 40 levels deep"),
        (b" " * (LARGEST_BYTES + 1), "x.yml:1:1: larger than 1 MB: no mapping is; was another file put here?"),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(file, content, problem):
    file.write_bytes(content)
    assert told(file) == [problem]


def test_nesting_deeper_than_the_parser_itself_goes_is_told_like_any_other(file):
    file.write_bytes(b"a: " + b"[" * 50_000)
    (problem,) = told(file)
    assert problem.endswith("not YAML: more than 40 levels deep")


def test_a_path_with_brackets_inside_braces_is_told_to_need_quotes(file):
    file.write_text("fields: {A: a[0}\n")
    (problem,) = told(file)
    assert problem.startswith("x.yml:1:14: ")
    assert problem.endswith("a text that holds [ ] { } or ': ' needs quotes")


def test_a_missing_file_and_a_folder_are_told_like_other_problems(tmp_path):
    (tmp_path / "folder.yml").mkdir()
    assert told(tmp_path / "none.yml") == ["none.yml:1:1: cannot be read: No such file or directory"]
    assert told(tmp_path / "folder.yml") == ["folder.yml:1:1: cannot be read: Is a directory"]


def test_aliases_repeat_a_part_but_never_explode(file):
    file.write_text("a: &a {x: 1}\nb: *a\n")
    assert read_document(file).data == {"a": {"x": 1}, "b": {"x": 1}}
    lines = ["l0: &l0 [x, x]"] + [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12)]
    file.write_text("\n".join(lines))
    assert told(file) == ["x.yml:1:5: aliases repeat more than 300 parts of the file; write them out"]
