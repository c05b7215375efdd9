"""Annotation files, checked: one line that names file, entry and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def existing(path: str | Path, what: str) -> Path:
    """The path of a file that is there.

    Args:
        path: The file.
        what: What it should be, for the message.

    Raises:
        FileNotFoundError: No such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected {what}')
    return path


def read_json(path: str | Path, kind: type = list) -> Any:
    """A JSON file whose outermost value is a list or an object.

    Args:
        path: The file.
        kind: `list` or `dict`.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is not JSON, or not of that kind.
    """
    expected = 'a list' if kind is list else 'an object'
    path = existing(path, f'annotations, {expected} in JSON')
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path}: not valid JSON: {error}') from None
    if not isinstance(content, kind):
        raise ValueError(
            f'{path}: expected {expected}, got {type(content).__name__}'
        )
    return content


def field(entry: Any, name: str, where: str) -> Any:
    """An entry's field that must be there.

    Raises:
        ValueError: The entry is no object, or lacks the field.
    """
    if not isinstance(entry, dict):
        raise ValueError(f'{where}: expected an object with named fields')
    if name not in entry:
        raise ValueError(f'{where}: {name}: expected, but it is missing')
    return entry[name]


def numbers(
    values: Any, shape: tuple[int, ...], where: str
) -> npt.NDArray[np.float32]:
    """Finite numbers of one shape.

    Args:
        values: Nested lists or an array.
        shape: Expected; () for one number.
        where: File, entry and field for the message.

    Raises:
        ValueError: The shape is another, or a value is not finite.
    """
    expected = ' x '.join(map(str, shape)) or '1'
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f'{where}: expected {expected} numbers') from None
    if array.shape != shape:
        problem = f'got shape {array.shape}'
    elif not np.isfinite(array).all():
        problem = 'got values that are not finite'
    else:
        return array
    raise ValueError(f'{where}: expected {expected} finite numbers, {problem}')


def read_numbers(
    path: str | Path, shape: tuple[int, ...], count: int | None = None
) -> npt.NDArray[np.float32]:
    """A JSON list of equal arrays, such as FreiHAND's and HO-3D's.

    Args:
        path: The file.
        shape: Of one entry.
        count: Entries that it must hold; default: any number but none.

    Returns:
        (N, *shape).

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not such a list; names the first entry that is wrong.
    """
    entries = read_json(path)
    if count is None and not entries:
        raise ValueError(f'{path}: expected entries, but the list is empty')
    if count is not None and len(entries) != count:
        raise ValueError(
            f'{path}: expected {count} entries, as in the files beside it, '
            f'got {len(entries)}'
        )
    try:
        return numbers(entries, (len(entries), *shape), str(path))
    except ValueError:
        return np.stack(
            [
                numbers(entry, shape, f'{path}: entry {i}')
                for i, entry in enumerate(entries)
            ]
        )
