"""What is too large for memory lies in files that leave nothing behind."""

import os
from pathlib import Path

import pytest

from connector.bodies import read_body
from connector.errors import StateError
from connector.spools import SLICE, Spool, nameless_file


@pytest.mark.parametrize("count", [0, 1, SLICE, SLICE + 1, 3 * SLICE - 1])
def test_a_spool_gives_its_values_in_their_order_as_often_as_asked(tmp_path: Path, count: int) -> None:
    values = [(number, f"ä{number}", b"x", None) for number in range(count)]
    spool: Spool[tuple[int, str, bytes, None]] = Spool(tmp_path)
    for value in values:
        spool.append(value)
    assert (len(spool), bool(spool), list(spool), list(spool)) == (count, count > 0, values, values)


def test_a_spool_is_walked_while_it_is_walked(tmp_path: Path) -> None:
    spool: Spool[int] = Spool(tmp_path)
    for number in range(2 * SLICE):
        spool.append(number)
    one, other = iter(spool), iter(spool)
    seen = [next(one) for _ in range(SLICE + 1)], [next(other) for _ in range(3)]
    assert seen == (list(range(SLICE + 1)), [0, 1, 2])
    assert list(one) == list(range(SLICE + 1, 2 * SLICE))


def test_its_file_has_no_name_and_belongs_to_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with nameless_file(folder) as file:
        file.write(b"x")
        assert list(folder.iterdir()) == []
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("size", "is_held"), [(0, True), (10, True), (11, False), (25, False)])
def test_a_body_is_in_memory_up_to_a_size_and_reads_alike_beyond(tmp_path: Path, size: int, is_held: bool) -> None:
    text = bytes(range(size))
    body = read_body((text[at : at + 4] for at in range(0, size, 4)), tmp_path, in_memory=10)
    assert (body.size, body.content) == (size, text if is_held else None)
    assert (body.read(0, size), body.read(3, 7), body.read(8, 99)) == (text, text[3:7], text[8:])


def test_a_folder_that_cannot_be_written_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError) as caught:
        read_body([b"12345"], tmp_path / "file", in_memory=1)
    assert str(tmp_path / "file") in caught.value.message
    assert "free some space" in caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_with_its_mend(tmp_path: Path) -> None:
    spool: Spool[str] = Spool(tmp_path)
    with open("/dev/full", "wb", buffering=0) as full:
        os.dup2(full.fileno(), spool.fileno())
    with pytest.raises(StateError) as caught:
        for _ in range(SLICE):
            spool.append("x" * 100)
    assert caught.value.message == f"{tmp_path}: No space left on device"
