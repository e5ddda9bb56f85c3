"""Mutations of a corpus, as hypothesis makes them up and takes them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

Edit = Callable[[bytes], bytes]


def mutated(seeds: Sequence[bytes], words: Sequence[bytes], largest: int) -> st.SearchStrategy[bytes]:
    """One of the seeds after a few edits.

    :param words: what is put in.
    :param largest: bytes of the longest that comes out.
    """
    where = st.floats(0, 1, exclude_max=True)
    what = st.sampled_from(words) | st.binary(min_size=1, max_size=4)
    size = st.integers(1, 40)
    edit: st.SearchStrategy[Edit] = st.one_of(
        st.builds(_insert, where, what),
        st.builds(_replace, where, what),
        st.builds(_delete, where, size),
        st.builds(_repeat, where, size, st.integers(1, 8)),
        st.builds(_append, st.sampled_from(seeds)),
    )
    return st.tuples(st.sampled_from(seeds), st.lists(edit, max_size=6)).map(
        lambda drawn: _apply(*drawn)[:largest]
    )


def _apply(data: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in edits:
        data = edit(data)
    return data


def _at(data: bytes, where: float) -> int:
    return int(where * (len(data) + 1))


def _insert(where: float, what: bytes) -> Edit:
    return lambda data: data[: _at(data, where)] + what + data[_at(data, where) :]


def _replace(where: float, what: bytes) -> Edit:
    return lambda data: data[: _at(data, where)] + what + data[_at(data, where) + len(what) :]


def _delete(where: float, size: int) -> Edit:
    return lambda data: data[: _at(data, where)] + data[_at(data, where) + size :]


def _repeat(where: float, size: int, times: int) -> Edit:
    return lambda data: (
        data[: _at(data, where)] + data[_at(data, where) :][:size] * times + data[_at(data, where) :]
    )


def _append(other: bytes) -> Edit:
    """As a pipelining client does."""
    return lambda data: data + other
